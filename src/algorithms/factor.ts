import { TILE, Workspace } from '../../kernels/index.ts';
import { AeqError } from '../../schema/errors.ts';

const TILE_SIZE = TILE * TILE;

/**
 * The lower triangular factor L of a symmetric, positive definite matrix L * transposed(L), in double and in tiles. Tiles
 * of one row of tiles follow each other, and each lies on its side: element (row i, column k) of a tile at k * TILE + i,
 * so that a row of tiles is a panel for `addProducts`. Rows and columns beyond the matrix are those of a unit matrix.
 */
export class TileFactor {
  /** Rows of the matrix. */
  readonly size: number;
  /** Rows of tiles. */
  readonly tiles: number;
  /** Holds the factor; whoever has the factor may take more room in it. */
  readonly workspace = new Workspace();
  readonly #start: number;

  /**
   * @param fillRow puts elements 0 to i of row i of the matrix into `row`.
   * @throws AeqError OPERATOR_UNSUPPORTED where the matrix is not positive definite or does not fit into memory.
   */
  constructor(size: number, fillRow: (i: number, row: Float64Array) => void) {
    this.size = size;
    this.tiles = Math.ceil(size / TILE);
    try {
      this.#start = this.workspace.allocate(8 * TILE_SIZE * ((this.tiles * (this.tiles + 1)) / 2));
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw new AeqError('OPERATOR_UNSUPPORTED', `a matrix of ${size} by ${size} does not fit into memory`, {
        hint: 'use another algorithm for weights with rows this long',
        cause: error,
      });
    }
    this.#fill(fillRow);
    this.#factor();
  }

  /** Address of a tile, column <= row. */
  address(row: number, column: number): number {
    return this.#start + 8 * TILE_SIZE * ((row * (row + 1)) / 2 + column);
  }

  /** View of a tile, until more room is taken. */
  tile(row: number, column: number): Float64Array {
    return new Float64Array(this.workspace.memory.buffer, this.address(row, column), TILE_SIZE);
  }

  /** Puts every tile upright: element (row i, column k) at i * TILE + k. Once, and then the factor stays so. */
  setUpright(): void {
    for (let row = 0; row < this.tiles; row += 1) {
      for (let column = 0; column <= row; column += 1) transpose(this.tile(row, column));
    }
  }

  #fill(fillRow: (i: number, row: Float64Array) => void): void {
    const values = new Float64Array(this.tiles * TILE);
    for (let i = 0; i < this.tiles * TILE; i += 1) {
      values.fill(0);
      if (i < this.size) fillRow(i, values);
      else values[i] = 1;
      const row = Math.floor(i / TILE);
      for (let column = 0; column <= row; column += 1) {
        const tile = this.tile(row, column);
        for (let k = 0; k < TILE; k += 1) tile[k * TILE + (i % TILE)] = values[column * TILE + k] as number;
      }
    }
  }

  #factor(): void {
    const { workspace, tiles } = this;
    const scratch = workspace.allocate(8 * TILE_SIZE);
    const sums = new Float64Array(workspace.memory.buffer, scratch, TILE_SIZE);
    for (let column = 0; column < tiles; column += 1) {
      const diagonal = this.tile(column, column);
      for (let row = column; row < tiles; row += 1) {
        const tile = this.tile(row, column);
        sums.fill(0);
        workspace.kernels.addProducts(this.address(column, 0), this.address(row, 0), TILE * column, scratch);
        for (let i = 0; i < TILE_SIZE; i += 1) tile[i] = (tile[i] as number) - (sums[i] as number);
        if (row === column) factorTile(diagonal);
        else solveTile(tile, diagonal);
      }
    }
  }
}

function transpose(tile: Float64Array): void {
  for (let i = 1; i < TILE; i += 1) {
    for (let k = 0; k < i; k += 1) {
      const kept = tile[i * TILE + k] as number;
      tile[i * TILE + k] = tile[k * TILE + i] as number;
      tile[k * TILE + i] = kept;
    }
  }
}

/** Cholesky's factor of one tile, on its side. What is above the diagonal becomes 0. */
function factorTile(tile: Float64Array): void {
  for (let k = 0; k < TILE; k += 1) {
    const pivot = Math.sqrt(tile[k * TILE + k] as number);
    if (!(pivot > 0)) {
      throw new AeqError('OPERATOR_UNSUPPORTED', 'products of activations are not those of any values', {
        hint: 'calibrate anew; if that does not help, use another algorithm for this weight',
      });
    }
    tile.fill(0, k * TILE, k * TILE + k);
    for (let i = k; i < TILE; i += 1) tile[k * TILE + i] = (tile[k * TILE + i] as number) / pivot;
    for (let r = k + 1; r < TILE; r += 1) {
      const factor = tile[k * TILE + r] as number;
      subtractMultiple(tile, r * TILE, r, tile, k * TILE, factor);
    }
  }
}

/** A tile below the diagonal, divided by the transposed factor of the tile on it. */
function solveTile(tile: Float64Array, diagonal: Float64Array): void {
  for (let k = 0; k < TILE; k += 1) {
    for (let m = 0; m < k; m += 1) {
      subtractMultiple(tile, k * TILE, 0, tile, m * TILE, diagonal[m * TILE + k] as number);
    }
    const pivot = diagonal[k * TILE + k] as number;
    for (let i = 0; i < TILE; i += 1) tile[k * TILE + i] = (tile[k * TILE + i] as number) / pivot;
  }
}

/** target[at + i] -= factor * source[from + i] for i from `first` on. */
function subtractMultiple(
  target: Float64Array,
  at: number,
  first: number,
  source: Float64Array,
  from: number,
  factor: number,
): void {
  for (let i = first; i < TILE; i += 1) {
    target[at + i] = (target[at + i] as number) - factor * (source[from + i] as number);
  }
}
