import { TABLE_CELL } from '../ops/index.ts';

interface Interval {
  readonly min: number;
  readonly max: number;
}

const CELLS = 512;

/**
 * Entries of the table that an int16 kernel makes of a function of numbers `step` apart: 513, at as many parts of the 65535
 * steps, each but the last moved by half of what the line to the next one is off by in the middle.
 */
function entry(of: (x: number) => number, step: number, index: number): number {
  const at = (place: number) => of((-32768 + (place * 65535) / CELLS) * step);
  if (index === CELLS) return at(index);
  const bend = (at(index) + at(index + 1)) / 2 - at(index + 0.5);
  return at(index) - bend / 2;
}

const cellOf = (x: number, step: number) =>
  Math.min(Math.max(Math.floor(x / step / TABLE_CELL) + CELLS / 2, 0), CELLS - 1);

/**
 * `written`, widened to the next entry wherever it ends inside a cell of the table that the numbers of `read` use: the
 * entry would be cut off, and the line through the whole cell would be wrong. Cells in which the function has no end are
 * left out.
 */
export function clearOfCells(of: (x: number) => number, step: number, read: Interval, written: Interval): Interval {
  let { min, max } = written;
  for (let cell = cellOf(read.min, step); cell <= cellOf(read.max, step); cell += 1) {
    const ends = [entry(of, step, cell), entry(of, step, cell + 1)];
    const low = Math.min(...ends);
    const high = Math.max(...ends);
    if (!Number.isFinite(low) || !Number.isFinite(high)) continue;
    if (low < written.max && written.max < high) max = Math.max(max, high);
    if (low < written.min && written.min < high) min = Math.min(min, low);
  }
  return { min, max };
}
