export type FindingLevel = 'error' | 'warning' | 'note';

/** Something to know about the data before a model is calibrated with it. */
export interface Finding {
  readonly level: FindingLevel;
  /** Stable name of the kind of finding. */
  readonly code: FindingCode;
  /** One sentence. */
  readonly message: string;
  readonly input?: string | undefined;
  /** Names of the first samples it is about. */
  readonly samples: readonly string[];
}

export type FindingCode =
  | 'unreadable'
  | 'mismatch'
  | 'non-finite'
  | 'constant'
  | 'all-equal'
  | 'repeated'
  | 'raw-pixels'
  | 'no-row'
  | 'large-values'
  | 'tiny-values'
  | 'noise'
  | 'truncated'
  | 'too-few';
