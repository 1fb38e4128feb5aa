import type { Constant, ConstantOrigin } from '../../schema/constant.ts';

/** A constant that is computed from another one, element by element. */
export interface Derivation {
  /** Where another thread can make it too; without it, it cannot. */
  readonly source?: Constant;
  /** Elements. */
  readonly count: number;
  /** Width of an element as it is stored, a divisor or a multiple of 8; narrow ones are packed. */
  readonly bits: number;
  /** Most elements that are computed at once, a multiple of 8. */
  readonly chunkElements: number;
  /**
   * Bytes of elements [start, end). `start` is a multiple of what fits into a byte. The result may be a view of memory
   * that the next call uses again.
   */
  readonly compute: (start: number, end: number) => Uint8Array;
  /** Name in DERIVATIONS, and what is needed besides the source to make the same constant in another thread. */
  readonly how?: string;
  readonly parameters?: unknown;
}

/** Makes a constant of a derivation: any range of its bytes can be read. */
export function derivedConstant(derivation: Derivation): Constant {
  const { source, count, bits, how, parameters } = derivation;
  const sizeBytes = Math.ceil((count * bits) / 8);
  const read = (start = 0, end = sizeBytes) => {
    const result = new Uint8Array(end - start);
    let done = 0;
    for (const piece of pieces(derivation, sizeBytes, start, end)) {
      result.set(piece, done);
      done += piece.length;
    }
    return result;
  };
  const from = source?.origin;
  const origin: ConstantOrigin | undefined = from && how ? { kind: 'derived', how, from, parameters } : undefined;
  return {
    sizeBytes,
    read,
    pieces: (start, end) => pieces(derivation, sizeBytes, start, end),
    ...(origin && { origin }),
  };
}

function* pieces(
  { count, bits, chunkElements, compute }: Derivation,
  sizeBytes: number,
  start: number,
  end: number,
): Generator<Uint8Array> {
  const width = Math.max(1, bits / 8);
  const perByte = Math.max(1, 8 / bits);
  const chunkBytes = (chunkElements * bits) / 8;
  for (let at = start; at < end; ) {
    // Whole elements are computed; of the first and the last one a part may be wanted.
    const first = at - (at % width);
    const last = Math.min(first + chunkBytes, Math.ceil(end / width) * width, sizeBytes);
    const bytes = compute((first / width) * perByte, Math.min(count, (last / width) * perByte));
    yield bytes.subarray(at - first, Math.min(end, last) - first);
    at = Math.min(end, last);
  }
}
