/**
 * The inner loops, over memory that somebody else owns. Addresses are byte offsets into one `WebAssembly.Memory` (up to
 * 4 GiB), aligned to the element size; counts are elements; areas must lie inside the memory, and a target must not
 * overlap what is read. Nothing is allocated: results go to addresses the caller gives or come back as numbers. Two
 * implementations give the same bits: SIMD (simd.ts) and plain TypeScript (plain.ts).
 */
export interface Kernels {
  readonly memory: WebAssembly.Memory;

  /**
   * Least and greatest value of a float32 tensor under the one-sided filters at +-3e38; -0 counts as less than +0. No
   * elements give [+Infinity, -Infinity].
   */
  rangeFloat32(address: number, count: number): FloatRange;

  /** Plain least and greatest integer; `bits` is the element width, at least one element. */
  rangeInteger(address: number, count: number, bits: 8 | 16 | 32, signed: boolean): { min: number; max: number };

  /**
   * Plain min and max (NaN propagates) of a float32 array seen as [outer, channels, inner], one pair a channel, written
   * as float32 to `minAddress` and `maxAddress` (`channels` values each). Existing values there are merged in when
   * `merge` is set, so that a tensor can be read in chunks.
   */
  rangePerChannel(address: number, extent: ChannelExtent, minAddress: number, maxAddress: number, merge: boolean): void;

  /**
   * clip(round_half_even(x / scale + zeroPoint), least, greatest) in float32 (section 5.6 of the maths: true division,
   * each step rounded; NaN gives 0), one scale and zero point a channel. Writes int8, int16 or int32, or uint8 or
   * uint16 where `limits` reach beyond the signed type. What is above int32 after rounding the limit to float32 gives
   * 2147483647. `scaleAddress`: float32, `zeroPointAddress`: int32, `channels` values each.
   */
  quantize(
    source: number,
    extent: ChannelExtent,
    scaleAddress: number,
    zeroPointAddress: number,
    limits: IntegerLimits,
    target: number,
  ): void;

  /**
   * The codes that `quantize` gives between -8 and 7 with zero points of 0, in four bits, the first of two in the low half
   * of a byte. `inner` is even, and `target` apart from `source`.
   */
  quantizePacked(source: number, extent: ChannelExtent, scaleAddress: number, target: number): void;

  /**
   * What `rangePerChannel` finds of runs of `inner` values, the scales max(|min|, |max|, 1e-9) / 7 in float32, and what
   * `quantizePacked` makes of the values with these, while they are in the first cache. `inner` is even and above 0.
   */
  quantizeChannelsPacked(
    source: number,
    extent: Omit<ChannelExtent, 'outer'>,
    at: { readonly mins: number; readonly maxs: number; readonly scales: number },
    target: number,
  ): void;

  /**
   * What `blockScales` gives of runs of `inner` values with 7 as the greatest code, and what `quantizePacked` makes of the
   * values with that. `inner` is even and above 0.
   */
  quantizeBlocksPacked(
    source: number,
    extent: Omit<ChannelExtent, 'outer'>,
    limited: boolean,
    scaleAddress: number,
    target: number,
  ): void;

  /** float32((q - zeroPoint) * scale), computed in double, one scale and zero point for the tensor. */
  dequantize(source: number, type: IntegerType, count: number, scale: number, zeroPoint: number, target: number): void;

  /**
   * Adds sums over two float32 arrays to the doubles at `sums` (ERROR_SUMS says which). Only elements where both values are
   * finite count. Each sum is made in double, element i in lane i mod 4, joined as (0 + 2) + (1 + 3).
   */
  compare(reference: number, test: number, count: number, sums: number): void;

  /**
   * Adds (test - reference)^2 and reference^2 of each position along rows of two float32 arrays to the doubles at `noise`
   * and `signal` (`length` each), in double and row after row.
   */
  compareChannels(reference: number, test: number, rows: RowExtent, noise: number, signal: number): void;

  /**
   * Counts |t - r| / (|r| + 1e-6), computed in double and rounded to float32, of `count` elements of two float32 arrays that
   * are `stride` apart, in a table of RATIO_BINS uint16: 32 bins an octave from 2^-30 to 2^24, the first with what is below,
   * the last with what is above or no number. Elements whose r is not finite are left out.
   */
  countRatios(reference: number, test: number, count: number, stride: number, table: number): void;

  /**
   * Takes what is in a table of uint16 (a multiple of 8 entries) out of it: entries that are not zero are written to `target`
   * as pairs of uint16, its number and what is in it, and cleared. Returns how many. There must be room for all of them.
   */
  takeCounts(table: number, entries: number, target: number): number;

  /** How many float32 are below `least` or above `greatest` (doubles), without those that are NaN or beyond +-3e38. */
  countOutside(address: number, count: number, least: number, greatest: number): number;

  /**
   * Adds 1 to uint32 `table[bits(x) >>> (23 - mantissaBits)]` for each float32 x; the table has 2 ** (9 + mantissaBits)
   * entries, keyed by sign, exponent and top mantissa bits.
   */
  histogramFloat32(address: number, count: number, table: number, mantissaBits: number): void;

  /**
   * `rangeFloat32` and counts for a histogram in one pass over the memory. In each block of 8 `every` elements one group of
   * 8 is counted, `every` times; elements after the last whole block count once. The group in block b (from 0) is
   * floor(every p / 2^32) with p = 1664525 p' + 1013904223 mod 2^32 from that of the block before, 0 before the first: which
   * ones are counted depends on nothing but `count` and `every`, and falls in step with nothing periodic. `every` is less
   * than 2^20.
   *
   * Few and large elements decide about ranges. So where `every` is not 1, that of the greatest magnitude of each sign in each
   * piece (as many whole blocks as there are in 4,096 elements, at least one) counts for itself alone: once more where
   * its bits are not among those of the counted groups; `every` - 1 times less where they are there once and nowhere else in
   * the piece. Of the first group, the first element that is neither of the two (or else not this one) makes up for it.
   *
   * All counts together are `count`, each is right on average, and `every` = 1 gives what `histogramFloat32` gives.
   */
  surveyFloat32(address: number, count: number, table: number, mantissaBits: number, every: number): FloatSurvey;

  /**
   * Takes the counts of `total` values out of a table as `histogramFloat32` makes them, 16 entries (a page) at a time: pages
   * with anything in them are moved to `target` as records of PAGE_WORDS uint32, the page's number and its entries; their
   * places in the table are 0 then. First comes what is nearest to zero, positive before negative, then the others from the
   * greatest magnitude down. `greatestKey`: of all values, without the sign. Returns how many records, for which there
   * must be room: one for each page that may have something in it.
   */
  takePages(table: number, mantissaBits: number, greatestKey: number, total: number, target: number): number;

  /**
   * Adds `count` pages as `takePages` gives them to sums in uint32, which wrap around, 64 bytes a page. `places`: by page
   * number, the address of its sums as uint32, 0 for none yet; such pages get sums from `next` on, a multiple of 4. Gives
   * the address behind the last of these.
   */
  addPages(records: number, count: number, places: number, next: number): number;

  /** Packs int8 values into `bits`-wide two's complement fields, first value in the low bits, last byte zero padded. */
  pack(source: number, count: number, bits: 4 | 2, target: number): void;

  /** The inverse of `pack`: `count` fields to int8, reading ceil(count * bits / 8) bytes. */
  unpack(source: number, count: number, bits: 4 | 2, target: number): void;

  /** float32 to float16 bits, nearest even; overflow gives infinity, NaN keeps its sign and upper payload (quiet). */
  toFloat16(source: number, count: number, target: number): void;

  /** float16 bits to float32, exact; NaN keeps its sign and payload (quiet). */
  fromFloat16(source: number, count: number, target: number): void;

  /**
   * The scale of each run of `size` (at least 1) float32 values as it is stored: the largest magnitude, at least
   * float32(1e-9), over `greatest` in float32, then `roundToBlockScale`. NaN where a value is NaN. Writes `blocks` float32
   * to `target`.
   */
  blockScales(source: number, blocks: number, size: number, rule: BlockScaleRule, target: number): void;

  /**
   * Sum of squares of each channel, as float32 to `target`. Squares and every addition are rounded to float32: each run of
   * `inner` values pairwise (see plain-weights.ts), the runs of a channel one after the other.
   */
  sumSquares(address: number, extent: ChannelExtent, target: number): void;

  /**
   * For each channel the bound that trades the noise of rounding below it against the error of clipping beyond it,
   * after `rounds` rounds from 1: g' = (sum of |x| >= g) / ((count of |x| >= g) * (1 - noise) + unclipped), in float32 in
   * the order of `sumSquares`. Writes `channels` float32 to `target`.
   */
  clipBounds(address: number, extent: ChannelExtent, rule: ClipRule, target: number): ClipRounds;

  /**
   * Multiplies each run of `size` (a power of two, at least 2) of `count` float32 values by the Hadamard matrix of that
   * size: entries +-1/sqrt(size) in float32, negative where row AND column have an odd number of bits. Summed in double
   * and rounded once; `scratch`: `size` doubles. The matrix is its own inverse.
   */
  rotate(source: number, count: number, size: number, scratch: number, target: number): void;

  /**
   * Adds products of two panels to a tile of doubles: target[i][j] += sum over k of a[k][i] * b[k][j], summed over k from
   * zero and in order. Panels have `depth` rows, the tile TILE, all of them TILE columns. Nothing may be NaN.
   */
  addProducts(a: number, b: number, depth: number, target: number): void;
}

export interface BlockScaleRule {
  /** The greatest code. A float32 value. */
  readonly greatest: number;
  /** A scale that would be 0 or infinite becomes the nearest float16 that is not. */
  readonly limited: boolean;
}

/** Rows and columns of the tiles of `addProducts`. */
export const TILE = 64;

/** A tensor seen as [outer, channels, inner]; channels = inner = 1 is "one channel". */
export interface ChannelExtent {
  readonly outer: number;
  readonly channels: number;
  readonly inner: number;
}

export interface ClipRule {
  /** Share of a squared bound that rounding costs: 4^-bits / 3. A float32 value. */
  readonly noise: number;
  /** Noise times the number of values of a channel. */
  readonly unclipped: number;
  /** 1 to 16. */
  readonly rounds: number;
}

/** Bit k: after round k + 1, every channel's bound had ... */
export interface ClipRounds {
  /** moved by no more than 1e-8 + 1e-5 of itself in that round. */
  readonly settled: number;
  /** not moved at all in that round, so that no later round moves it. */
  readonly fixed: number;
}

export interface FloatRange {
  /** As `calibration.md` defines it: values <= -3e38 are left out unless there is nothing else. */
  readonly min: number;
  readonly max: number;
  /** How many elements are NaN. */
  readonly nanCount: number;
  /** How many elements are +inf or -inf. */
  readonly infiniteCount: number;
}

export interface FloatSurvey extends FloatRange {
  /** The table's entry of the greatest magnitude, NaN included, as if it were positive. */
  readonly greatestKey: number;
}

export interface IntegerLimits {
  /** Width of what is written. */
  readonly bits: 8 | 16 | 32;
  /** Both within the signed or both within the unsigned type of that width (signed only for 32). */
  readonly least: number;
  readonly greatest: number;
}

export type IntegerType = 'int8' | 'uint8' | 'int16' | 'int32';

/** Rows of `length` elements that begin `stride` elements apart. */
export interface RowExtent {
  readonly rows: number;
  readonly length: number;
  readonly stride: number;
}

/** Places of the sums of `compare`. */
export const ERROR_SUMS = {
  /** Elements where both values are finite. */
  count: 0,
  squaredError: 1,
  squaredReference: 2,
  squaredTest: 3,
  /** (squaredReference + squaredTest - squaredError) / 2, which is their scalar product. */
  dot: 4,
  /** Sum of error = test - reference (for bias). */
  error: 5,
  /** Not a sum: the greatest so far. */
  maxAbsoluteError: 6,
} as const;

/** Entries of a table that `takePages` and `addPages` move together. */
export const PAGE_BINS = 16;

/** Words of 32 bits of a page that was taken: its number and its entries. */
export const PAGE_WORDS = 1 + PAGE_BINS;

/** Bins of `countRatios`. */
export const RATIO_BINS = 54 * 32 + 2;
