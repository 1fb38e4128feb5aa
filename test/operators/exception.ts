import type { RuntimeId } from '../../calibration/runtime/runtime.ts';
import type { OperatorName } from '../support/model-builder.ts';

/**
 * Where something other than a result within its bound is expected, with the reason. Every entry is checked: what it says
 * must come to pass, and an entry that no case needs any more fails the suite.
 */
export interface Exception {
  readonly operators: readonly OperatorName[];
  /** Beginnings of names of configurations; all of them if absent. */
  readonly configurations?: readonly string[];
  /** Forms of cases; all of them if absent. */
  readonly forms?: readonly string[];
  /** Forms of cases that it is not about. */
  readonly except?: readonly string[];
  /** Interpreters it is true of; all of them if absent. */
  readonly runtimes?: readonly RuntimeId[];
  readonly reason: string;
  /**
   * float: the operator stays float, and the plan says this. refused: the interpreter does not run the file, in these
   * words. excess: the error is up to this many times its bound, as measured. wrong: results that are no approximation,
   * with this said of each. erratic: not run, the outcome depends on memory that the kernel never wrote.
   */
  readonly expected:
    | { readonly float: RegExp }
    | { readonly refused: RegExp }
    | { readonly excess: number }
    | { readonly wrong: RegExp }
    | { readonly erratic: true };
}

/** Beginnings of the names of configurations by what limits them. */
export const INT8 = ['static_wi8_ai8'];
export const INT16 = ['static_wi8_ai16', 'static_wi4_ai16'];
