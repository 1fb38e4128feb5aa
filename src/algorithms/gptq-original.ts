import { TILE } from '../../kernels/index.ts';
import type { ProductSums } from '../../schema/documents/calibration-products.ts';
import { clipRange, quantizeFloat32 } from './arithmetic.ts';
import { OriginalInverse } from './original-inverse.ts';
import type { CodeParameters } from './parameters.ts';
import type { ConstantRequest } from './request.ts';
import { groupOf, type RowCodes, readRows, rowLength } from './rows.ts';

const { fround } = Math;

/** An inverse with room for the errors of a tile of columns, and for their products with the rest. */
interface Ground {
  readonly inverse: OriginalInverse;
  readonly errors: number;
  readonly sums: number;
}

/**
 * Codes as the original finds them: with one inverse for all columns, from which those that are rounded are not taken out,
 * and in float32. Its matrix products depend on the processor in their last bits; here they are rounded once.
 */
export function originalCodes(request: ConstantRequest, products: ProductSums, numbers: CodeParameters): RowCodes {
  const length = rowLength(request);
  const group = groupOf(request);
  const limits = clipRange(numbers.bits, numbers.symmetric, numbers.unsigned);
  let ground: Ground | undefined;
  return (first, last) => {
    ground ??= groundOf(products, request.dampings ?? 1);
    const weights = readRows(request, first, last);
    const codes = new Int8Array(weights.length);
    roundRows(ground, weights, length, (row, column, value) => {
      const at = row * length + column;
      const own = group(first * length + at);
      const scale = numbers.scales[own] as number;
      const zeroPoint = (numbers.zeroPoints[own] ?? numbers.zeroPoints[0]) as number;
      const code = quantizeFloat32(value, scale, zeroPoint, limits.least, limits.greatest);
      codes[at] = code;
      // The difference of two int8 wraps around.
      return fround(value - fround((((code - zeroPoint) << 24) >> 24) * scale));
    });
    return codes;
  };
}

function groundOf(products: ProductSums, dampings: number): Ground {
  const inverse = new OriginalInverse(products, dampings);
  const [errors, sums] = [0, 1].map(() => inverse.factor.workspace.allocate(8 * TILE * TILE)) as [number, number];
  return { inverse, errors, sums };
}

/** Rounds a value of a row and column; the result is what it is too small by. */
type Round = (row: number, column: number, value: number) => number;

/** Rounds rows column by column; they are changed. */
function roundRows({ inverse, errors, sums }: Ground, values: Float32Array, length: number, round: Round): void {
  const { workspace, tiles } = inverse.factor;
  const rows = values.length / length;
  for (let tile = 0; tile < tiles; tile += 1) {
    const diagonal = inverse.tile(tile, tile);
    const own = new Float64Array(workspace.memory.buffer, errors, TILE * TILE).fill(0);
    const start = tile * TILE;
    const end = Math.min(start + TILE, length);
    for (let row = 0; row < rows; row += 1) {
      for (let c = start; c < end; c += 1) {
        const from = (c - start) * TILE;
        const error = fround(
          round(row, c, values[row * length + c] as number) / (diagonal[from + c - start] as number),
        );
        own[from + row] = error;
        for (let k = c + 1; k < end; k += 1) {
          const at = row * length + k;
          values[at] = (values[at] as number) - fround(error * (diagonal[from + k - start] as number));
        }
      }
    }
    for (let other = tile + 1; other < tiles; other += 1) {
      const products = new Float64Array(workspace.memory.buffer, sums, TILE * TILE).fill(0);
      workspace.kernels.addProducts(errors, inverse.address(tile, other), TILE, sums);
      subtract(values, length, other * TILE, products);
    }
  }
}

/** Takes a tile, rounded to float32, off the columns of rows from `start` on. */
function subtract(values: Float32Array, length: number, start: number, products: Float64Array): void {
  const width = Math.min(TILE, length - start);
  for (let row = 0; row < values.length / length; row += 1) {
    for (let k = 0; k < width; k += 1) {
      const at = row * length + start + k;
      values[at] = (values[at] as number) - fround(products[row * TILE + k] as number);
    }
  }
}
