import { TILE } from '../../kernels/index.ts';
import { type ProductSums, productTotals } from '../../schema/documents/calibration-products.ts';
import { TileFactor } from './factor.ts';

const { fround } = Math;
const TILE_SIZE = TILE * TILE;
const DAMPING = 0.01;

/**
 * The inverse of twice the products over the lengths of first dimensions, in float32, after their diagonal is raised by a
 * hundredth of its mean: as often as the original, which forgets to undo that, has done it for operators with this input.
 * Sums are taken in double and rounded once.
 */
export class OriginalInverse {
  readonly factor: TileFactor;
  readonly #inverse: number;

  /** @throws AeqError OPERATOR_UNSUPPORTED as `TileFactor`. */
  constructor(products: ProductSums, dampings: number) {
    const totals = dampedTotals(products, dampings);
    this.factor = new TileFactor(products.channels, (i, row) => row.set(totals.subarray(at(i, 0), at(i, i) + 1)));
    const { workspace, tiles } = this.factor;
    const size = 8 * TILE_SIZE * ((tiles * (tiles + 1)) / 2);
    const triangle = workspace.allocate(size);
    this.#inverse = workspace.allocate(size);
    const scratch = workspace.allocate(8 * TILE_SIZE);
    this.#invertFactor(triangle, scratch);
    this.#square(triangle);
  }

  /** Address of the tile of rows `row` and columns `column` >= row. */
  address(row: number, column: number): number {
    return this.#inverse + 8 * TILE_SIZE * ((column * (column + 1)) / 2 + row);
  }

  tile(row: number, column: number): Float64Array {
    return new Float64Array(this.factor.workspace.memory.buffer, this.address(row, column), TILE_SIZE);
  }

  /** The inverse of the factor in float32, at `triangle`: tiles of a column of tiles follow each other. */
  #invertFactor(triangle: number, scratch: number): void {
    const { factor } = this;
    const { workspace, tiles } = factor;
    const sums = new Float64Array(workspace.memory.buffer, scratch, TILE_SIZE);
    for (let row = 0; row < tiles; row += 1) {
      for (let column = 0; column <= row; column += 1) roundTile(factor.tile(row, column));
      const diagonal = factor.tile(row, row);
      for (let column = 0; column <= row; column += 1) {
        sums.fill(0);
        const above = triangle + columnPlace(tiles, column, column);
        workspace.kernels.addProducts(factor.address(row, column), above, TILE * (row - column), scratch);
        for (let i = 0; i < TILE_SIZE; i += 1) sums[i] = -(sums[i] as number);
        if (column === row) for (let i = 0; i < TILE; i += 1) sums[i * TILE + i] = 1;
        divide(sums, diagonal);
        roundTile(sums);
        const target = triangle + columnPlace(tiles, row, column);
        new Float64Array(workspace.memory.buffer, target, TILE_SIZE).set(sums);
      }
    }
  }

  /** The product of the transposed triangle and itself. */
  #square(triangle: number): void {
    const { workspace, tiles } = this.factor;
    for (let column = 0; column < tiles; column += 1) {
      for (let row = 0; row <= column; row += 1) {
        const tile = this.tile(row, column).fill(0);
        const [a, b] = [row, column].map((side) => triangle + columnPlace(tiles, column, side)) as [number, number];
        workspace.kernels.addProducts(a, b, TILE * (tiles - column), this.address(row, column));
        roundTile(tile);
      }
    }
  }
}

const at = (i: number, j: number) => (i * (i + 1)) / 2 + j;

function dampedTotals(products: ProductSums, dampings: number): Float64Array {
  const { channels, batches } = products;
  const factor = 2 / batches;
  const totals = productTotals(products).map((sum) => factor * sum);
  for (let time = 0; time < dampings; time += 1) {
    let mean = 0;
    for (let i = 0; i < channels; i += 1) mean += totals[at(i, i)] || 1;
    mean /= channels;
    for (let i = 0; i < channels; i += 1) totals[at(i, i)] = (totals[at(i, i)] || 1) + DAMPING * mean;
  }
  return totals;
}

/** Where a tile of a lower triangle is, its columns of tiles one after the other. */
function columnPlace(tiles: number, row: number, column: number): number {
  return 8 * TILE_SIZE * (column * tiles - (column * (column - 1)) / 2 + row - column);
}

function roundTile(tile: Float64Array): void {
  for (let i = 0; i < tile.length; i += 1) tile[i] = fround(tile[i] as number);
}

/** Solves `diagonal` times x = tile; the diagonal's tile lies on its side. */
function divide(tile: Float64Array, diagonal: Float64Array): void {
  for (let i = 0; i < TILE; i += 1) {
    for (let k = 0; k < i; k += 1) {
      const factor = diagonal[k * TILE + i] as number;
      if (factor === 0) continue;
      for (let j = 0; j < TILE; j += 1) {
        tile[i * TILE + j] = (tile[i * TILE + j] as number) - factor * (tile[k * TILE + j] as number);
      }
    }
    const pivot = diagonal[i * TILE + i] as number;
    for (let j = 0; j < TILE; j += 1) tile[i * TILE + j] = (tile[i * TILE + j] as number) / pivot;
  }
}
