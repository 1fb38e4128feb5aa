/** Operations of a recipe that stand for a subgraph's inputs and outputs; no operator of a model has these names. */
export const BOUNDARY_OPERATIONS = ['INPUT', 'OUTPUT'] as const;
export type BoundaryOperation = (typeof BOUNDARY_OPERATIONS)[number];

/** A scope is cut after this many characters (code points), as in the original. */
export const SCOPE_LIMIT = 10_000;

const joined = (names: readonly (string | undefined)[]): string =>
  names
    .filter((name) => name !== undefined && name !== '')
    .map((name) => `${name};`)
    .join('');

/**
 * The text that the regular expressions of a recipe are searched in: names of the operator's output tensors, each
 * followed by `;`; if it has none, of its input tensors. Operands that are left out are given as undefined.
 * For INPUT the outputs are the subgraph's inputs; for OUTPUT the inputs are the subgraph's outputs.
 * Names written by a converter may contain `;` themselves.
 */
export function scopeOf(
  outputNames: readonly (string | undefined)[],
  inputNames: readonly (string | undefined)[] = [],
): string {
  const scope = joined(outputNames) || joined(inputNames);
  return scope.length <= SCOPE_LIMIT ? scope : Array.from(scope).slice(0, SCOPE_LIMIT).join('');
}
