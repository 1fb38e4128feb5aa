/**
 * Options of the custom rotation operator as a flexbuffer: a map of `hadamard_size` and `random_binary_vector`, whose
 * entries are all 1. Widths are the smallest that hold the values, as the original's writer chooses them.
 */
export function rotationOptions(size: number): Uint8Array {
  const bytes: number[] = [];
  const put = (value: number, width: number) => {
    for (let i = 0; i < width; i += 1) bytes.push(Math.floor(value / 2 ** (8 * i)) % 256);
  };
  const pad = (width: number) => {
    while (bytes.length % width !== 0) bytes.push(0);
  };
  for (const key of KEYS) bytes.push(...new TextEncoder().encode(key), 0);

  const vectorWidth = widthOf(size);
  pad(vectorWidth);
  put(size, vectorWidth);
  const vector = bytes.length;
  for (let i = 0; i < size; i += 1) put(1, vectorWidth);
  for (let i = 0; i < size; i += 1) bytes.push(INTEGER | Math.log2(vectorWidth));

  // Distances backwards are measured from where they are stored, which depends on their own width.
  const end = bytes.length;
  const keyWidth = fitting((width) => after(end, width) + width);
  pad(keyWidth);
  put(KEYS.length, keyWidth);
  const keys = bytes.length;
  let offset = 0;
  for (const key of KEYS) {
    put(bytes.length - offset, keyWidth);
    offset += key.length + 1;
  }

  const filled = bytes.length;
  const mapWidth = fitting((width) => Math.max(after(filled, width) + 4 * width - vector, 2 * size));
  pad(mapWidth);
  put(bytes.length - keys, mapWidth);
  put(keyWidth, mapWidth);
  put(KEYS.length, mapWidth);
  const map = bytes.length;
  put(size, mapWidth);
  put(bytes.length - vector, mapWidth);
  bytes.push(INTEGER | Math.log2(mapWidth), VECTOR | Math.log2(vectorWidth));

  const last = bytes.length;
  const rootWidth = fitting((width) => after(last, width) - map);
  pad(rootWidth);
  put(bytes.length - map, rootWidth);
  bytes.push(MAP | Math.log2(mapWidth), rootWidth);
  return Uint8Array.from(bytes);
}

const KEYS = ['hadamard_size', 'random_binary_vector'];
/** Types, with the width of what is stored in the low bits. */
const INTEGER = 0x04;
const VECTOR = 0x28;
const MAP = 0x24;

const WIDTHS = [1, 2, 4];
const holds = (width: number, value: number) => value < 2 ** (8 * width);
const widthOf = (value: number) => WIDTHS.find((width) => holds(width, value)) ?? 4;
const fitting = (value: (width: number) => number) => WIDTHS.find((width) => holds(width, value(width))) ?? 4;
const after = (offset: number, width: number) => Math.ceil(offset / width) * width;
