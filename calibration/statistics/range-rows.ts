/** Least and greatest value of samples. */
export interface SampleRanges {
  /** Ascending places of the samples, one for each entry of `min` and `max`. */
  readonly samples: Uint32Array;
  readonly min: Float64Array;
  readonly max: Float64Array;
}

/** Numbers of a row: the sample's ordinal, its least and its greatest value. */
const ROW = 3;
/** Rows of the first piece; each further one has twice as many as the one before it. */
const FIRST_ROWS = 16;

/**
 * What each sample showed of one tensor, in pieces outside of the heap of objects: growing neither copies what is there nor
 * leaves anything behind, so that the memory of a long run is that of its numbers.
 */
export class RangeRows {
  readonly #pieces: Float64Array[] = [];
  #last = new Float64Array(0);
  /** Numbers in the last piece. */
  #used = 0;
  #count = 0;

  get count(): number {
    return this.#count;
  }

  add(ordinal: number, min: number, max: number): void {
    if (this.#used === this.#last.length) {
      this.#last = new Float64Array(Math.max(2 * this.#last.length, FIRST_ROWS * ROW));
      this.#pieces.push(this.#last);
      this.#used = 0;
    }
    const at = this.#used;
    this.#last[at] = ordinal;
    this.#last[at + 1] = min;
    this.#last[at + 2] = max;
    this.#used = at + ROW;
    this.#count += 1;
  }

  /**
   * The rows in the order of the samples' places: `places[ordinal]`, each there once. `all` holds every place, for the
   * samples of a tensor that each of them showed.
   */
  build(places: Uint32Array, all: Uint32Array): SampleRanges {
    const min = new Float64Array(places.length);
    const max = new Float64Array(places.length);
    const present = new Uint8Array(places.length);
    for (const piece of this.#pieces) {
      const end = piece === this.#last ? this.#used : piece.length;
      for (let at = 0; at < end; at += ROW) {
        const place = places[piece[at] as number] as number;
        present[place] = 1;
        min[place] = piece[at + 1] as number;
        max[place] = piece[at + 2] as number;
      }
    }
    if (this.#count === places.length) return { samples: all, min, max };
    const samples = all.filter((place) => present[place] === 1);
    return { samples, min: taken(min, samples), max: taken(max, samples) };
  }
}

const taken = (values: Float64Array, places: Uint32Array): Float64Array =>
  Float64Array.from(places, (place) => values[place] as number);
