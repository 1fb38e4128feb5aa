import { type SquareSums, squareUnits } from '../../schema/documents/calibration-squares.ts';
import type { SampleRows } from './product-sum.ts';

/**
 * Sums over rows of the square of each value, exact in any order and grouping: those of one sample are summed in double,
 * row after row, and then as whole numbers.
 */
export class SquareSum {
  readonly channels: number;
  #rows = 0;
  readonly #sums: bigint[];

  constructor(channels: number) {
    this.channels = channels;
    this.#sums = Array.from({ length: channels }, () => 0n);
  }

  /** Adds the rows of a sample. What is not finite counts as 0. */
  add({ values }: Pick<SampleRows, 'values'>): void {
    const own = new Float64Array(this.channels);
    for (let start = 0; start < values.length; start += this.channels) {
      for (let c = 0; c < this.channels; c += 1) {
        const x = values[start + c] as number;
        if (x - x === 0) own[c] = (own[c] as number) + x * x;
      }
    }
    this.absorb({ rows: values.length / this.channels, sums: Array.from(own, squareUnits) });
  }

  absorb({ rows, sums }: SquareSums): void {
    this.#rows += rows;
    sums.forEach((sum, c) => {
      this.#sums[c] = (this.#sums[c] ?? 0n) + sum;
    });
  }

  build(): SquareSums {
    return { rows: this.#rows, sums: [...this.#sums] };
  }
}
