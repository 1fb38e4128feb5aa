import { AeqError, type ErrorCode, type ErrorWhere } from './errors.ts';

/** An error as plain data: instances of classes do not survive the way between threads and processes. */
export interface PlainError {
  /** Undefined for errors that are no AeqError. */
  readonly code: ErrorCode | undefined;
  readonly message: string;
  readonly where: ErrorWhere;
  readonly hint: string | undefined;
}

export function plainError(error: unknown): PlainError {
  if (error instanceof AeqError) {
    return { code: error.code, message: error.message, where: error.where, hint: error.hint };
  }
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { code: undefined, message, where: {}, hint: undefined };
}

/** The error again; what was no AeqError becomes an INTERNAL one that names `who` failed. */
export function revivedError({ code, message, where, hint }: PlainError, who: string): AeqError {
  if (code === undefined) return new AeqError('INTERNAL', `${who} failed: ${message}`);
  return new AeqError(code, message, hint === undefined ? { where } : { where, hint });
}
