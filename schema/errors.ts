/**
 * Every way `aeq` can fail has a stable code in this table. The kind decides the exit status of the command line:
 * a gate that failed 1, wrong usage 2, bad input 3, something we or the runtime cannot do 4, a fault of ours 5.
 */
const ERROR_CODES = {
  USAGE: 'usage',
  CONFIG_INVALID: 'input',
  FILE_NOT_FOUND: 'input',
  FILE_UNREADABLE: 'input',
  FILE_EXISTS: 'usage',
  FILE_UNWRITABLE: 'input',
  MODEL_NOT_TFLITE: 'input',
  MODEL_TRUNCATED: 'input',
  MODEL_INVALID: 'input',
  MODEL_TOO_LARGE: 'unsupported',
  CONTAINER_INVALID: 'input',
  BLOCK_SIZE_MISMATCH: 'unsupported',
  WEIGHTS_NOT_RECOVERABLE: 'unsupported',
  STATISTICS_MISSING: 'input',
  PLAN_CONFLICT: 'unsupported',
  NAMES_NOT_UNIQUE: 'input',
  OPERATOR_UNSUPPORTED: 'unsupported',
  RUNTIME_UNAVAILABLE: 'unsupported',
  RUNTIME_REJECTED_MODEL: 'unsupported',
  RUNTIME_FAILED: 'unsupported',
  RUNTIME_OUT_OF_MEMORY: 'unsupported',
  FEED_INVALID: 'input',
  DATASET_EMPTY: 'input',
  DATASET_UNKNOWN_KIND: 'input',
  DATASET_UNREADABLE: 'input',
  DATASET_MISMATCH: 'input',
  LABELS_INVALID: 'input',
  TOKENIZER_INVALID: 'input',
  MANIFEST_INVALID: 'input',
  CALIBRATION_INVALID: 'input',
  CALIBRATION_MISMATCH: 'input',
  CALIBRATION_EMPTY: 'input',
  CALIBRATION_NAN: 'input',
  RECIPE_NOT_FOUND: 'input',
  RECIPE_INVALID: 'input',
  RECIPE_UNKNOWN_OPERATION: 'input',
  RECIPE_UNSUPPORTED: 'unsupported',
  RECIPE_UNSUPPORTED_ALGORITHM: 'unsupported',
  POLICY_INVALID: 'input',
  PLAN_INVALID: 'input',
  MODELS_DIFFER: 'input',
  VERIFY_FAILED: 'unsupported',
  CONDITION_INVALID: 'usage',
  COMPARISON_INVALID: 'input',
  RECIPE_EMPTY: 'input',
  CALIBRATION_MISSING: 'usage',
  SIGNATURE_UNKNOWN: 'usage',
  INTERNAL: 'internal',
} as const satisfies Record<string, ErrorKind>;

export type ErrorKind = 'gate' | 'usage' | 'input' | 'unsupported' | 'internal';
export type ErrorCode = keyof typeof ERROR_CODES;

/** Exit status of the command line for each kind of error. */
export const EXIT_STATUS = { gate: 1, usage: 2, input: 3, unsupported: 4, internal: 5 } as const satisfies Record<
  ErrorKind,
  number
>;

/** Where something went wrong; only the members that are known. Offsets are bytes from the start of the file. */
export interface ErrorWhere {
  file?: string;
  offset?: number;
  subgraph?: number | string;
  operator?: string;
  tensor?: string;
  sample?: number | string;
  /** A field of a JSON document, as a path such as `rules[2].op_config.weight_tensor_config.granularity`. */
  field?: string;
}

/** An error a user can act on: what happened, where, and what to do about it. */
export class AeqError extends Error {
  readonly code: ErrorCode;
  readonly where: ErrorWhere;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, details: { where?: ErrorWhere; hint?: string; cause?: unknown } = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'AeqError';
    this.code = code;
    this.where = details.where ?? {};
    this.hint = details.hint;
  }

  get kind(): ErrorKind {
    return ERROR_CODES[this.code];
  }
}
