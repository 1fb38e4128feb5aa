import { TILE } from '../../kernels/index.ts';
import { type ProductSums, productTotals } from '../../schema/documents/calibration-products.ts';
import { clipRange, quantizeDouble } from './arithmetic.ts';
import { TileFactor } from './factor.ts';
import type { CodeParameters } from './parameters.ts';
import type { ConstantRequest } from './request.ts';
import { groupOf, type RowCodes, readRows, rowLength } from './rows.ts';

/** What is added to each sum of squares, as a part of their mean. */
const DAMPING = 0.01;

/** What the inputs of an operator say of the columns of its weight. */
interface ColumnFactor {
  readonly factor: TileFactor;
  /** Column of the weight for each row of the factor; they are rounded from the last to the first. */
  readonly columns: Int32Array;
  /** Addresses: errors of each column for the rows at work, and a tile of their products with the factor. */
  readonly errors: number;
  readonly sums: number;
}

/**
 * Codes of rows of a weight that make up for each other's rounding. With H the sums of products of the inputs and
 * H = (I + U) D transposed(I + U), U strictly upper triangular, a column is rounded after the errors of those before it,
 * times U, are added. That is GPTQ (Frantar et al., ICLR 2023, arXiv 2210.17323) in the form of LDLQ (Chee et al., NeurIPS
 * 2023, arXiv 2307.13304), which gives the same codes without an inverse. Columns with the largest inputs come first.
 * What H says beyond its diagonal is shrunk by as much as is to be expected of chance in so few rows.
 */
export function fittedCodes(request: ConstantRequest, products: ProductSums, numbers: CodeParameters): RowCodes {
  const length = rowLength(request);
  const group = groupOf(request);
  const limits = clipRange(numbers.bits, numbers.symmetric, numbers.unsigned);
  return (first, last) => {
    const found = factorOf(products);
    const weights = readRows(request, first, last);
    const codes = new Int8Array(weights.length);
    const round = (row: number, column: number, shift: number): number => {
      const at = row * length + column;
      const own = group(first * length + at);
      const scale = numbers.scales[own] as number;
      const zeroPoint = (numbers.zeroPoints[own] ?? numbers.zeroPoints[0]) as number;
      const weight = weights[at] as number;
      const code = quantizeDouble(weight + shift, scale, zeroPoint, limits.least, limits.greatest);
      codes[at] = code;
      const error = weight - (code - zeroPoint) * scale;
      return Number.isFinite(error) ? error : 0;
    };
    roundRows(found, last - first, round);
    return codes;
  };
}

/** Rounds a column of a row, to whose value something is added; the result is what it is too small by. */
type Round = (row: number, column: number, shift: number) => number;

function roundRows({ factor, columns, errors, sums }: ColumnFactor, rows: number, round: Round): void {
  const { workspace, tiles } = factor;
  const shifts = new Float64Array(TILE);
  for (let tile = tiles - 1; tile >= 0; tile -= 1) {
    const before = new Float64Array(workspace.memory.buffer, sums, TILE * TILE);
    before.fill(0);
    for (let other = tile + 1; other < tiles; other += 1) {
      workspace.kernels.addProducts(errors + panelBytes(other), factor.address(other, tile), TILE, sums);
    }
    const diagonal = factor.tile(tile, tile);
    const own = new Float64Array(workspace.memory.buffer, errors + panelBytes(tile), TILE * TILE).fill(0);
    for (let k = Math.min(TILE, columns.length - tile * TILE) - 1; k >= 0; k -= 1) {
      for (let row = 0; row < rows; row += 1) shifts[row] = before[row * TILE + k] as number;
      for (let other = k + 1; other < TILE; other += 1) {
        const part = diagonal[other * TILE + k] as number;
        if (part === 0) continue;
        for (let row = 0; row < rows; row += 1) {
          shifts[row] = (shifts[row] as number) + part * (own[other * TILE + row] as number);
        }
      }
      const pivot = diagonal[k * TILE + k] as number;
      const column = columns[tile * TILE + k] as number;
      for (let row = 0; row < rows; row += 1) own[k * TILE + row] = round(row, column, (shifts[row] as number) / pivot);
    }
  }
}

const panelBytes = (tile: number) => 8 * TILE * TILE * tile;

/** The factor that was asked for last: operators with one input, and all rows of a weight, follow each other. */
let lastFactor: { readonly products: ProductSums; readonly found: ColumnFactor } | undefined;

function factorOf(products: ProductSums): ColumnFactor {
  if (lastFactor?.products !== products) {
    lastFactor = undefined;
    lastFactor = { products, found: makeFactor(products) };
  }
  return lastFactor.found;
}

function makeFactor(products: ProductSums): ColumnFactor {
  const { channels, rows } = products;
  const totals = productTotals(products);
  const squares = Float64Array.from({ length: channels }, (_, i) => totals[element(i, i)] as number);
  const mean = squares.reduce((sum, square) => sum + square, 0) / channels;
  // An input that was always 0 says nothing: its column is rounded as it is.
  const diagonal = squares.map((square) => (square > 0 ? square : mean || 1) + DAMPING * mean);
  const columns = Int32Array.from(squares.keys()).sort(
    (a, b) => (squares[a] as number) - (squares[b] as number) || b - a,
  );
  const kept = 1 - shrinkage(totals, squares, rows);
  const factor = new TileFactor(channels, (i, row) => {
    const a = columns[i] as number;
    for (let j = 0; j < i; j += 1) {
      const b = columns[j] as number;
      row[j] = kept * (totals[a > b ? element(a, b) : element(b, a)] as number);
    }
    row[i] = diagonal[a] as number;
  });
  factor.setUpright();
  const errors = factor.workspace.allocate(panelBytes(factor.tiles));
  return { factor, columns, errors, sums: factor.workspace.allocate(8 * TILE * TILE) };
}

/** Where the product of channels i and j <= i is. */
const element = (i: number, j: number) => (i * (i + 1)) / 2 + j;

/**
 * How much of what a matrix of products says beyond its diagonal may be chance, from 0 to 1: the oracle approximating
 * shrinkage of the correlations to none at all (Chen, Wiesel, Eldar and Hero, IEEE Transactions on Signal Processing,
 * 2010, equation 23).
 */
function shrinkage(totals: Float64Array, squares: Float64Array, rows: number): number {
  let seen = 0;
  let correlations = 0;
  squares.forEach((square, i) => {
    if (square === 0) return;
    seen += 1;
    for (let j = 0; j < i; j += 1) {
      const other = squares[j] as number;
      if (other > 0) correlations += (totals[element(i, j)] as number) ** 2 / (square * other);
    }
  });
  if (correlations === 0) return 1;
  // Of the correlations as a matrix: the trace is `seen`, and that of its square:
  const trace = seen + 2 * correlations;
  const ofSize = 1 - 2 / seen;
  return Math.min(1, (ofSize * trace + seen * seen) / ((rows + ofSize) * (trace - seen)));
}
