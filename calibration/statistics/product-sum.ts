import { sharedWorkspace, TILE, type Workspace } from '../../kernels/index.ts';
import type { ProductPart, ProductSums } from '../../schema/documents/calibration-products.ts';
import { productCount } from '../../schema/documents/calibration-products.ts';
import { AeqError } from '../../schema/errors.ts';

/** Rows that are multiplied at once; their doubles have to fit into memory. */
const SLAB_ROWS = 512;
/** Additions to one part that doubles hold exactly: 2^36 steps each. */
const MOST_ADDITIONS = 2 ** 16;
/** Magnitudes of one part are within this power of two. */
const PART_BITS = 8;
/** The step is this power of two below the upper end of the part. */
const STEP_BITS = 36;

/** What one sample showed of a tensor, where something is to be learned from it: rows of a length, one after the other. */
export interface SampleRows {
  readonly channels: number;
  readonly values: Float32Array;
  /** Length of the tensor's first dimension. */
  readonly batch: number;
  /** Squares are enough. */
  readonly squaresOnly?: boolean | undefined;
}

interface Part {
  readonly sums: Float64Array;
  additions: number;
}

/**
 * Sums over rows of the products of each two of their values, exact in any order and grouping. The products of up to 512
 * rows of a sample are summed in double, in an order that is a matter of the sample alone, and rounded to a step that
 * depends on the largest of them: from 2^-28 to 2^-36 of it. Sums of one step are whole numbers of it, which doubles hold
 * exactly; there is a sum for each step that occurs, most often one or two.
 */
export class ProductSum {
  readonly channels: number;
  rows = 0;
  batches = 0;
  readonly #parts = new Map<number, Part>();

  constructor(channels: number) {
    this.channels = channels;
  }

  /** Adds the rows of a sample. What is not finite counts as 0. */
  add({ values, batch }: SampleRows): void {
    const { channels } = this;
    const rows = values.length / channels;
    for (let first = 0; first < rows; first += SLAB_ROWS) {
      this.#addSlab(values.subarray(first * channels, Math.min(first + SLAB_ROWS, rows) * channels));
    }
    this.rows += rows;
    this.batches += batch;
  }

  absorb({ rows, batches, parts }: ProductSums): void {
    this.rows += rows;
    this.batches += batches;
    for (const { step, additions, sums } of parts) {
      const own = this.#part(step, additions);
      for (let i = 0; i < sums.length; i += 1) own[i] = (own[i] as number) + (sums[i] as number);
    }
  }

  /** The sum so far; parts are not copied. */
  build(): ProductSums {
    const parts = [...this.#parts].map(([step, { sums, additions }]): ProductPart => ({ step, additions, sums }));
    parts.sort((a, b) => a.step - b.step);
    return { channels: this.channels, rows: this.rows, batches: this.batches, parts };
  }

  /** The sums of a step, to which so much is going to be added. */
  #part(step: number, additions: number): Float64Array {
    let part = this.#parts.get(step);
    if (!part) {
      part = { sums: new Float64Array(productCount(this.channels)), additions: 0 };
      this.#parts.set(step, part);
    }
    part.additions += additions;
    if (part.additions > MOST_ADDITIONS) {
      throw new AeqError('RECIPE_UNSUPPORTED', 'these are more values than sums of their products can hold exactly', {
        hint: 'calibrate with fewer samples: some hundred are plenty',
      });
    }
    return part.sums;
  }

  #addSlab(values: Float32Array): void {
    const { channels } = this;
    const workspace = sharedWorkspace();
    const rows = values.length / channels;
    const panels = Array.from({ length: Math.ceil(channels / TILE) }, () => workspace.allocate(8 * TILE * rows));
    const tile = workspace.allocate(8 * TILE * TILE);
    const largest = fillPanels(workspace, panels, values, channels);
    if (largest === 0) return;
    const step = stepOf(largest);
    const sums = this.#part(step, 1);
    const products = new Float64Array(workspace.memory.buffer, tile, TILE * TILE);
    panels.forEach((a, i) => {
      panels.slice(0, i + 1).forEach((b, j) => {
        products.fill(0);
        workspace.kernels.addProducts(a, b, rows, tile);
        addTile(sums, channels, i * TILE, j * TILE, products, 2 ** -step);
      });
    });
  }
}

/** Doubles of the columns of each tile, and the largest sum of squares of a column. */
function fillPanels(workspace: Workspace, panels: readonly number[], values: Float32Array, channels: number): number {
  const rows = values.length / channels;
  let largest = 0;
  panels.forEach((address, p) => {
    const first = p * TILE;
    const width = Math.min(TILE, channels - first);
    const panel = new Float64Array(workspace.memory.buffer, address, TILE * rows);
    const squares = new Float64Array(TILE);
    if (width < TILE) panel.fill(0);
    for (let r = 0; r < rows; r += 1) {
      for (let c = 0; c < width; c += 1) {
        const x = values[r * channels + first + c] as number;
        const finite = x - x === 0 ? x : 0;
        panel[r * TILE + c] = finite;
        squares[c] = (squares[c] as number) + finite * finite;
      }
    }
    for (const square of squares) if (square > largest) largest = square;
  });
  return largest;
}

/** Exponent of the step for sums of products up to this one. */
function stepOf(largest: number): number {
  // One bit more: the sums were not taken in this order.
  const exponent = Math.ceil(Math.log2(largest) + 1);
  return PART_BITS * Math.ceil(exponent / PART_BITS) - STEP_BITS;
}

/** Adding and subtracting this rounds doubles below 2^51 to whole numbers, half to even. */
const ROUNDING = 1.5 * 2 ** 52;

/** Adds a tile whose first element is in this row and column, in steps, to what lies on and below the diagonal. */
function addTile(
  sums: Float64Array,
  channels: number,
  row: number,
  column: number,
  products: Float64Array,
  perUnit: number,
): void {
  for (let i = row; i < Math.min(row + TILE, channels); i += 1) {
    const target = (i * (i + 1)) / 2;
    const source = (i - row) * TILE - column;
    const end = Math.min(column + TILE, i + 1);
    for (let j = column; j < end; j += 1) {
      const steps = (products[source + j] as number) * perUnit + ROUNDING - ROUNDING;
      sums[target + j] = (sums[target + j] as number) + steps;
    }
  }
}
