import { PAGE_BINS, PAGE_WORDS } from './kernels.ts';

/** Values that a survey counts or passes over together. */
const GROUP = 8;
/** Values whose extremes a survey counts. */
const PIECE = 4096;

/** Counts every value in the entry of its bits, less the lowest `shift`. */
export function histogram(bits: Uint32Array, table: Uint32Array, shift: number): void {
  for (const x of bits) table[x >>> shift] = (table[x >>> shift] as number) + 1;
}

/** Counts the groups that are picked for all of their block, and the greatest magnitude of each sign for itself alone. */
export function surveyed(bits: Uint32Array, table: Uint32Array, shift: number, every: number): void {
  const count = (x: number, times: number) => {
    table[x >>> shift] = (table[x >>> shift] as number) + times;
  };
  const block = GROUP * every;
  const piece = block < PIECE ? PIECE - (PIECE % block) : block;
  const places = placesOfPicks(every);
  for (let from = 0; from < bits.length; from += piece) {
    const values = bits.subarray(from, from + piece);
    const blocks = every > 1 ? Math.floor(values.length / block) : 0;
    const picked = Array.from({ length: blocks }, (_, b) => {
      const start = b * block + GROUP * places.next().value;
      return [...values.subarray(start, start + GROUP)];
    }).flat();
    for (const x of picked) count(x, every);
    for (const x of values.subarray(blocks * block)) count(x, 1);
    for (const { bits: x, change, standIn } of blocks > 0 ? corrections(values, picked, every) : []) {
      count(x, change);
      count(standIn, -change);
    }
  }
}

/** Which group is picked out of each block of `every`. */
function* placesOfPicks(every: number): Generator<number, never> {
  for (let pick = 0; ; ) {
    pick = (Math.imul(pick, 1664525) + 1013904223) >>> 0;
    yield Math.floor((pick * every) / 2 ** 32);
  }
}

/** What makes the greatest magnitude of each sign in a piece count for itself alone, and who makes up for it. */
function corrections(values: Uint32Array, picked: readonly number[], every: number) {
  const signed = values.reduce((most, x) => ((x | 0) > (most | 0) ? x : most));
  const sought = new Set([signed, values.reduce((most, x) => Math.max(most, x))]);
  const first = picked.slice(0, GROUP);
  return [...sought].flatMap((bits) => {
    const times = picked.filter((x) => x === bits).length;
    const alone = times === 1 && values.indexOf(bits) === values.lastIndexOf(bits);
    if (times > 0 && !alone) return [];
    const standIn = first.find((x) => !sought.has(x)) ?? first.find((x) => x !== bits) ?? bits;
    return [{ bits, change: alone ? 1 - every : 1, standIn }];
  });
}

/** Adds records of pages to sums in uint32. Gives the address behind the last that there are. */
export function addPages(
  buffer: ArrayBufferLike,
  records: Uint32Array,
  { places, next }: { places: number; next: number },
): number {
  let end = next;
  for (let start = 0; start < records.length; start += PAGE_WORDS) {
    const [number = 0, ...counts] = records.subarray(start, start + PAGE_WORDS);
    const place = new Uint32Array(buffer, places + 4 * number, 1);
    if (place[0] === 0) {
      new Uint32Array(buffer, end, PAGE_BINS).fill(0);
      place[0] = end;
      end += 4 * PAGE_BINS;
    }
    const sums = new Uint32Array(buffer, place[0], PAGE_BINS);
    counts.forEach((count, bin) => {
      sums[bin] = (sums[bin] ?? 0) + count;
    });
  }
  return end;
}

/** Moves the counts of `total` values to records; `record` gives the place of one by its ordinal. Gives their number. */
export function takePages(
  table: Uint32Array,
  { greatestKey, total }: { greatestKey: number; total: number },
  record: (ordinal: number) => Uint32Array,
): number {
  const half = table.length / PAGE_BINS / 2;
  let taken = 0;
  let left = total;
  const take = (number: number) => {
    const page = table.subarray(number * PAGE_BINS, (number + 1) * PAGE_BINS);
    const sum = page.reduce((total, count) => total + count, 0);
    if (page.some((count) => count !== 0)) record(taken++).set([number, ...page]);
    page.fill(0);
    left -= sum;
  };
  take(0);
  take(half);
  for (let page = Math.floor(greatestKey / PAGE_BINS); page > 0 && left > 0; page -= 1) {
    take(page);
    take(half + page);
  }
  return taken;
}
