/** A growing little-endian byte buffer, zero filled, with random access to what was written. */
export class Sink {
  #bytes = new Uint8Array(1 << 16);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  /** Pads so that position + `lead` is a multiple of `alignment`; returns the position. */
  align(alignment: number, lead = 0): number {
    const past = (this.#length + lead) % alignment;
    if (past !== 0) this.skip(alignment - past);
    return this.#length;
  }

  /** Appends `count` zero bytes; returns where they start. */
  skip(count: number): number {
    const start = this.#length;
    this.#length += count;
    if (this.#length > this.#bytes.length) this.#grow();
    return start;
  }

  bytes(values: Uint8Array): void {
    const start = this.skip(values.length);
    this.#bytes.set(values, start);
  }

  text(ascii: string): void {
    this.bytes(new TextEncoder().encode(ascii));
  }

  uint16(value: number): void {
    const at = this.skip(2);
    this.#view.setUint16(at, value, true);
  }

  uint32(value: number): void {
    const at = this.skip(4);
    this.#view.setUint32(at, value, true);
  }

  patchUint32(at: number, value: number): void {
    this.#view.setUint32(at, value, true);
  }

  patchInt32(at: number, value: number): void {
    this.#view.setInt32(at, value, true);
  }

  /** Writes a scalar of a stored type of the schema. */
  patchScalar(at: number, type: string, value: number | bigint | boolean): void {
    const view = this.#view;
    switch (type) {
      case 'bool':
      case 'byte':
      case 'ubyte':
        view.setUint8(at, Number(value) & 0xff);
        break;
      case 'short':
      case 'ushort':
        view.setUint16(at, Number(value) & 0xffff, true);
        break;
      case 'int':
        view.setInt32(at, Number(value), true);
        break;
      case 'uint':
        view.setUint32(at, Number(value), true);
        break;
      case 'float':
        view.setFloat32(at, Number(value), true);
        break;
      case 'double':
        view.setFloat64(at, Number(value), true);
        break;
      case 'long':
        view.setBigInt64(at, BigInt(value), true);
        break;
      default:
        view.setBigUint64(at, BigInt(value), true);
    }
  }

  /** The bytes written so far; the sink is done with afterwards. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  #grow(): void {
    const bigger = new Uint8Array(Math.max(this.#length, this.#bytes.length * 2));
    bigger.set(this.#bytes);
    this.#bytes = bigger;
    this.#view = new DataView(bigger.buffer);
  }
}
