import { decode, type TensorNumbers } from './numbers.ts';

/** How far the sum of a row may be from 1 for the row to be probabilities. */
const SUM_TOLERANCE = 1e-3;
const LEAST_PROBABILITY = 1e-9;

/** See `kl` in the comparison schema. Stops at the first row that is no probability vector. */
export function rowDivergence(
  reference: TensorNumbers,
  test: TensorNumbers,
  rowLength: number,
): { sum: number; rows: number } | undefined {
  if (reference.count % rowLength !== 0) return undefined;
  const p = new Float32Array(rowLength);
  const q = new Float32Array(rowLength);
  const rows = reference.count / rowLength;
  let sum = 0;
  for (let row = 0; row < rows; row += 1) {
    decode(reference, row * rowLength, p);
    if (!isProbability(p)) return undefined;
    decode(test, row * rowLength, q);
    sum += divergence(p, q);
  }
  return { sum, rows };
}

function isProbability(row: Float32Array): boolean {
  let sum = 0;
  for (const value of row) {
    if (!(value >= 0)) return false;
    sum += value;
  }
  return Math.abs(sum - 1) <= SUM_TOLERANCE;
}

/** KL(p || q) in nats of two rows divided by their sums, computed in double. */
export function divergence(p: Float32Array, q: Float32Array): number {
  const sumP = p.reduce((sum, value) => sum + value, 0);
  const sumQ = q.reduce((sum, value) => sum + Math.max(0, value), 0);
  let result = 0;
  for (let i = 0; i < p.length; i += 1) {
    const share = (p[i] as number) / sumP;
    const other = sumQ === 0 ? 0 : Math.max(0, q[i] as number) / sumQ;
    if (share > 0) result += share * Math.log(share / Math.max(LEAST_PROBABILITY, other));
  }
  // Rounding can leave a tiny negative number where the rows are equal.
  return Math.max(0, result);
}
