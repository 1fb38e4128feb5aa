/** `flag` takes no value, `list` several and may be repeated. */
export type OptionKind = 'flag' | 'text' | 'list' | 'integer' | 'number' | 'choice';

/** Headings of the help and of docs/cli.md, in their order. */
export type OptionGroup = 'Quantizing' | 'Calibrating' | 'Comparing' | 'Samples' | 'Running' | 'Output';

/** One option of the command line. */
export interface OptionSpec {
  readonly kind: OptionKind;
  readonly group: OptionGroup;
  /** What the help shows between angle brackets; square brackets make the value optional. */
  readonly value?: string;
  readonly short?: string;
  readonly choices?: readonly string[];
  readonly help: string;
  /** What holds when the option is not given, for the help; commands apply it themselves. */
  readonly defaultText?: string;
  /** Least and greatest value of a number. */
  readonly least?: number;
  readonly most?: number;
}
