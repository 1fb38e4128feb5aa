import { TensorType } from '../../schema/generated/tflite.ts';
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
  const rows = reference.count / rowLength;
  const p = floatRows(reference, rowLength);
  const q = floatRows(test, rowLength);
  let sum = 0;
  for (let row = 0; row < rows; row += 1) {
    const { values, start } = p(row);
    if (!isProbability(values, start, rowLength)) return undefined;
    const other = q(row);
    sum += divergence(values, other.values, rowLength, start, other.start);
  }
  return { sum, rows };
}

/** Where a row is to be found as float32 values: in place if it is float32 already, decoded otherwise. */
function floatRows(
  numbers: TensorNumbers,
  rowLength: number,
): (row: number) => { values: Float32Array; start: number } {
  const { type, coding, byteOffset, memory, count } = numbers;
  if (type === TensorType.FLOAT32 && coding === undefined && byteOffset % 4 === 0) {
    const values = new Float32Array(memory.buffer, byteOffset, count);
    return (row) => ({ values, start: row * rowLength });
  }
  const values = new Float32Array(rowLength);
  return (row) => {
    decode(numbers, row * rowLength, values);
    return { values, start: 0 };
  };
}

function isProbability(values: Float32Array, start: number, length: number): boolean {
  let sum = 0;
  for (let i = start; i < start + length; i += 1) {
    const value = values[i] as number;
    if (!(value >= 0)) return false;
    sum += value;
  }
  return Math.abs(sum - 1) <= SUM_TOLERANCE;
}

/** KL(p || q) in nats of two rows of this length divided by their sums, computed in double. */
export function divergence(p: Float32Array, q: Float32Array, length = p.length, startP = 0, startQ = 0): number {
  let sumP = 0;
  let sumQ = 0;
  for (let i = 0; i < length; i += 1) {
    sumP += p[startP + i] as number;
    sumQ += Math.max(0, q[startQ + i] as number);
  }
  let result = 0;
  for (let i = 0; i < length; i += 1) {
    const share = (p[startP + i] as number) / sumP;
    const other = sumQ === 0 ? 0 : Math.max(0, q[startQ + i] as number) / sumQ;
    if (share > 0) result += share * Math.log(share / Math.max(LEAST_PROBABILITY, other));
  }
  // Rounding can leave a tiny negative number where the rows are equal.
  return Math.max(0, result);
}
