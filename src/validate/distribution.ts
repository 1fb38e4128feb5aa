import type { Room } from '../../calibration/capture/session.ts';
import { type Kernels, PAGE_BINS, PAGE_WORDS } from '../../kernels/index.ts';
import type { Distribution } from '../../schema/documents/comparison.ts';
import { CODE_LIMITS, type Coding, type TensorNumbers } from './numbers.ts';

/** Bars of a distribution. */
const BARS = 48;
/** Eight bins an octave: narrow beside a bar, except for bars far from zero, where a bin is spread over its width. */
const MANTISSA_BITS = 3;
const TABLE_ENTRIES = 2 ** (9 + MANTISSA_BITS);
const SHIFT = 23 - MANTISSA_BITS;

const PAGES = TABLE_ENTRIES / PAGE_BINS;

/** How the values of one tensor in one sample are spread over bins by sign, exponent and top mantissa bits. */
export interface Spread {
  /** Pages of bins that hold any values, as `takePages` gives them. */
  readonly pages: Uint32Array;
  readonly least: number;
  readonly greatest: number;
}

/** Looks at float32 values where they lie. */
export function spreadOf(
  values: TensorNumbers,
  { kernels, room }: { readonly kernels: Kernels; readonly room: Room },
): Spread {
  const { byteOffset, count } = values;
  const address = room.allocate(4 * (TABLE_ENTRIES + PAGES * PAGE_WORDS));
  try {
    const { buffer } = kernels.memory;
    const target = address + 4 * TABLE_ENTRIES;
    new Uint32Array(buffer, address, TABLE_ENTRIES).fill(0);
    const { min, max, greatestKey } = kernels.surveyFloat32(byteOffset, count, address, MANTISSA_BITS, 1);
    const taken = kernels.takePages(address, MANTISSA_BITS, greatestKey, count, target);
    return { pages: new Uint32Array(buffer, target, PAGE_WORDS * taken).slice(), least: min, greatest: max };
  } finally {
    room.free(address);
  }
}

/** How the values of a tensor are spread over all samples, collected without knowing their range beforehand. */
export class DistributionCounter {
  readonly #table = new Float64Array(TABLE_ENTRIES);
  #least = Number.POSITIVE_INFINITY;
  #greatest = Number.NEGATIVE_INFINITY;

  add({ pages, least, greatest }: Spread): void {
    const table = this.#table;
    for (let start = 0; start < pages.length; start += PAGE_WORDS) {
      const first = PAGE_BINS * (pages[start] as number);
      for (let bin = 0; bin < PAGE_BINS; bin += 1) {
        table[first + bin] = (table[first + bin] as number) + (pages[start + 1 + bin] as number);
      }
    }
    if (Number.isFinite(least)) this.#least = Math.min(this.#least, least);
    if (Number.isFinite(greatest)) this.#greatest = Math.max(this.#greatest, greatest);
  }

  /** Null where there was no finite value. Masks beyond +-3e38 are left out, as in a tensor's range. */
  result(test: { readonly type: number; readonly coding?: Coding | undefined }): Distribution | null {
    const least = this.#least;
    const greatest = this.#greatest;
    if (!(least <= greatest)) return null;
    const counts = new Float64Array(BARS);
    const barOf = (value: number) =>
      Math.max(0, Math.min(BARS - 1, Math.floor(((value - least) / (greatest - least || 1)) * BARS)));
    this.#table.forEach((count, key) => {
      const [low, high] = count > 0 ? binEdges(key) : [Number.NaN, Number.NaN];
      if (!(low <= greatest && high >= least)) return;
      const first = barOf(Math.max(low, least));
      const last = barOf(Math.min(high, greatest));
      for (let bar = first; bar <= last; bar += 1) counts[bar] = (counts[bar] as number) + count / (last - first + 1);
    });
    return { least, greatest, counts: Array.from(counts, Math.round), expressible: expressible(test) };
  }
}

function expressible({ type, coding }: { readonly type: number; readonly coding?: Coding | undefined }) {
  const limits = CODE_LIMITS[type];
  if (limits === undefined || coding?.scales.length !== 1) return null;
  const value = (code: number) => (code - (coding.zeroPoints[0] ?? 0)) * (coding.scales[0] as number);
  return { least: value(limits[0]), greatest: value(limits[1]) };
}

const edge = new DataView(new ArrayBuffer(4));

/** Least and greatest value of a bin, both inclusive; NaN for bins of no finite number. */
function binEdges(key: number): [number, number] {
  const value = (bits: number) => {
    edge.setUint32(0, bits >>> 0);
    return edge.getFloat32(0);
  };
  const near = value(key << SHIFT);
  const far = value((key << SHIFT) | ((1 << SHIFT) - 1));
  return near <= far ? [near, far] : [far, near];
}
