/**
 * Adds a whole number that is not negative in base 128, lowest digit first; all bytes but its last have 128 added. Numbers may
 * exceed 2^32: plain arithmetic, no bit operators. Gives the place behind it.
 */
export function putVarint(bytes: Uint8Array, start: number, value: number): number {
  let at = start;
  let rest = value;
  while (rest >= 128) {
    bytes[at++] = (rest % 128) + 128;
    rest = Math.floor(rest / 128);
  }
  bytes[at++] = rest;
  return at;
}

/** Reads such numbers one after the other. */
export class VarintReader {
  readonly #bytes: Uint8Array;
  readonly #most: number;
  #position = 0;

  /** @param most the largest number that there may be */
  constructor(bytes: Uint8Array, most: number) {
    this.#bytes = bytes;
    this.#most = most;
  }

  get ended(): boolean {
    return this.#position >= this.#bytes.length;
  }

  /** @throws RangeError where the bytes end in the middle of a number, or it is too large. */
  next(): number {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = this.#bytes[this.#position++];
      if (byte === undefined) throw new RangeError('it ends in the middle of a number');
      value += (byte & 127) * factor;
      // Digits beyond what a double can weigh make it no number at all.
      if (!(value <= this.#most)) throw new RangeError('a number in it is too large');
      if (byte < 128) return value;
    }
  }
}
