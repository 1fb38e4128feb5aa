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
  #products: ProductSum | 'incomplete' | undefined;
  #squares: SquareSum | 'incomplete' | undefined;

  /** Adds the rows of one sample, in one or more pieces. */
  add(rows: readonly SampleRows[] | undefined): void {
    if (!rows || rows.some(({ squaresOnly }) => squaresOnly)) this.#products = 'incomplete';
    if (!rows) this.#squares = 'incomplete';
    for (const piece of rows ?? []) {
      this.#squaresOf(piece.channels)?.add(piece);
      if (!piece.squaresOnly) this.#productsOf(piece.channels)?.add(piece);
    }
  }

  absorb({ products, squares }: Learned): void {
    if (products) this.#productsOf(products.channels)?.absorb(products);
    else this.#products = 'incomplete';
    if (squares) this.#squaresOf(squares.sums.length)?.absorb(squares);
    else this.#squares = 'incomplete';
  }

  build(): Learned {
    const [products, squares] = [this.#products, this.#squares];
    return {
      ...(products && products !== 'incomplete' && { products: products.build() }),
      ...(squares && squares !== 'incomplete' && { squares: squares.build() }),
    };
  }

  /** Undefined, from now on, where rows were of another length before. */
  #productsOf(channels: number): ProductSum | undefined {
    if (this.#products === 'incomplete') return undefined;
    this.#products ??= new ProductSum(channels);
    if (this.#products.channels === channels) return this.#products;
    this.#products = 'incomplete';
    return undefined;
  }

  #squaresOf(channels: number): SquareSum | undefined {
    if (this.#squares === 'incomplete') return undefined;
    this.#squares ??= new SquareSum(channels);
    if (this.#squares.channels === channels) return this.#squares;
    this.#squares = 'incomplete';
    return undefined;
  }
}
