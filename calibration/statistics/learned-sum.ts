import type { TensorStatistics } from '../../schema/documents/calibration.ts';
import { ProductSum, type SampleRows } from './product-sum.ts';
import { SquareSum } from './square-sum.ts';

/** What algorithms learn of the rows of a tensor. */
type Learned = Pick<TensorStatistics, 'products' | 'squares'>;

/**
 * Squares, and products where they were asked for, of the rows of a tensor over all samples: there is nothing where a
 * part of the samples has none, or rows of another length, since the rest would not be of all.
 */
export class LearnedSum {
  readonly #products = new WholeSum((channels) => new ProductSum(channels));
  readonly #squares = new WholeSum((channels) => new SquareSum(channels));

  /** Adds the rows of one sample, in one or more pieces. */
  add(rows: readonly SampleRows[] | undefined): void {
    if (!rows || rows.some(({ squaresOnly }) => squaresOnly)) this.#products.giveUp();
    if (!rows) this.#squares.giveUp();
    for (const piece of rows ?? []) {
      this.#squares.of(piece.channels)?.add(piece);
      if (!piece.squaresOnly) this.#products.of(piece.channels)?.add(piece);
    }
  }

  absorb({ products, squares }: Learned): void {
    if (products) this.#products.of(products.channels)?.absorb(products);
    else this.#products.giveUp();
    if (squares) this.#squares.of(squares.sums.length)?.absorb(squares);
    else this.#squares.giveUp();
  }

  build(): Learned {
    const [products, squares] = [this.#products.sum?.build(), this.#squares.sum?.build()];
    return { ...(products && { products }), ...(squares && { squares }) };
  }
}

/** A sum that is of all samples, or not there. */
class WholeSum<S extends { readonly channels: number }> {
  readonly #make: (channels: number) => S;
  #sum: S | undefined;
  #incomplete = false;

  constructor(make: (channels: number) => S) {
    this.#make = make;
  }

  /** Undefined before anything was added, and once something is missing. */
  get sum(): S | undefined {
    return this.#sum;
  }

  /** The sum for rows of this length. Undefined, from now on, where rows were of another length before. */
  of(channels: number): S | undefined {
    if (this.#incomplete) return undefined;
    this.#sum ??= this.#make(channels);
    if (this.#sum.channels !== channels) this.giveUp();
    return this.#sum;
  }

  /** Something is missing. */
  giveUp(): void {
    this.#incomplete = true;
    this.#sum = undefined;
  }
}
