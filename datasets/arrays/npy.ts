import { AeqError } from '../../schema/errors.ts';
import { type ArrayType, elementBytes, elementsFromBytes, type NumberArray, shapeCount, shapeText } from './array.ts';

/** What the header of a `.npy` file says. */
export interface NpyHeader {
  readonly type: ArrayType;
  readonly shape: readonly number[];
  /** Elements are stored most significant byte first. */
  readonly bigEndian: boolean;
  /** Elements are stored with the first index running fastest. */
  readonly fortranOrder: boolean;
  /** Where the elements begin, in bytes from the start of the file. */
  readonly dataOffset: number;
}

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59] as const;
/** No honest header is larger: even thousands of dimensions fit. */
const LARGEST_HEADER_BYTES = 65_536;
/** NumPy's own limit is 64. */
const MOST_DIMENSIONS = 64;

const TYPES: Readonly<Record<string, ArrayType>> = {
  b1: 'bool',
  i1: 'int8',
  u1: 'uint8',
  i2: 'int16',
  u2: 'uint16',
  i4: 'int32',
  u4: 'uint32',
  i8: 'int64',
  u8: 'uint64',
  f2: 'float16',
  f4: 'float32',
  f8: 'float64',
};

/** `.npy` begins with this many bytes that tell how long the header is. */
export const NPY_PREFIX_BYTES = 12;

const unreadable = (file: string, why: string): AeqError =>
  new AeqError('DATASET_UNREADABLE', `${file} is not a valid .npy file: ${why}`, {
    where: { file },
    hint: 'write it again with numpy.save; arrays of numbers and booleans are understood',
  });

/**
 * Bytes from the start of the file to its first element, told from its first NPY_PREFIX_BYTES bytes.
 * @throws AeqError DATASET_UNREADABLE
 */
export function npyHeaderBytes(prefix: Uint8Array, file: string): number {
  if (prefix.byteLength < 10 || MAGIC.some((byte, i) => prefix[i] !== byte)) {
    throw unreadable(file, 'it does not begin as one');
  }
  const major = prefix[6] ?? 0;
  if (major < 1 || major > 3) throw unreadable(file, `its format version ${major} is unknown`);
  if (major > 1 && prefix.byteLength < 12) throw unreadable(file, 'it ends in its header');
  const view = new DataView(prefix.buffer, prefix.byteOffset, prefix.byteLength);
  const length = major === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (length > LARGEST_HEADER_BYTES) throw unreadable(file, `its header claims ${length} bytes`);
  return (major === 1 ? 10 : 12) + length;
}

/**
 * Reads the header; `bytes` must reach to the first element at least.
 * @throws AeqError DATASET_UNREADABLE for anything but a header of a dense array of numbers.
 */
export function parseNpyHeader(bytes: Uint8Array, file: string): NpyHeader {
  const dataOffset = npyHeaderBytes(bytes, file);
  if (bytes.byteLength < dataOffset) throw unreadable(file, 'it ends in its header');
  const text = new TextDecoder('latin1').decode(bytes.subarray(bytes[6] === 1 ? 10 : 12, dataOffset));
  const description = /'descr'\s*:\s*'([<>|=]?)([a-z]\d+)'/.exec(text);
  const order = /'fortran_order'\s*:\s*(True|False)/.exec(text);
  const shape = /'shape'\s*:\s*\(([\d\s,L]*)\)/.exec(text);
  if (!description || !order || !shape) {
    const type = /'descr'\s*:\s*(.{1,40}?)\s*[,}]/.exec(text)?.[1];
    throw unreadable(file, type ? `elements of type ${type} are not numbers` : 'its header makes no sense');
  }
  const type = TYPES[description[2] ?? ''];
  if (type === undefined) throw unreadable(file, `elements of type ${description[2]} are not supported`);
  return {
    type,
    shape: parseShape(shape[1] ?? '', file),
    bigEndian: description[1] === '>',
    fortranOrder: order[1] === 'True',
    dataOffset,
  };
}

function parseShape(text: string, file: string): number[] {
  const parts = text.split(',').map((part) => part.trim().replace(/L$/, ''));
  if (parts.at(-1) === '') parts.pop();
  if (parts.length > MOST_DIMENSIONS) throw unreadable(file, `it has ${parts.length} dimensions`);
  const shape = parts.map((part) => (/^\d{1,16}$/.test(part) ? Number(part) : Number.NaN));
  if (shape.some(Number.isNaN) || !Number.isSafeInteger(shapeCount(shape) * 8)) {
    throw unreadable(file, `its shape (${text}) makes no sense`);
  }
  return shape;
}

/** Bytes of all elements. */
const npyDataBytes = (header: NpyHeader): number => shapeCount(header.shape) * elementBytes(header.type);

/**
 * Elements in row-major order from their stored bytes, over these where they need not be changed: `shape` is the whole array's or, where the array is stored
 * row-major, that of the part the bytes hold.
 */
export function decodeNpyElements(header: NpyHeader, shape: readonly number[], bytes: Uint8Array): NumberArray {
  const data = elementsFromBytes(header.type, header.bigEndian ? bytes.slice() : bytes);
  if (header.bigEndian) swapBytes(data);
  if (!header.fortranOrder || shape.length < 2) return { type: header.type, shape, data };
  return { type: header.type, shape, data: rowMajor(data, shape) };
}

/**
 * Reads a whole `.npy` file: bool, (u)int8 to (u)int64, float16 to float64, either byte order, C or Fortran order, format
 * versions 1 to 3. @throws AeqError DATASET_UNREADABLE, also when the file is shorter or longer than its header says.
 */
export function decodeNpy(bytes: Uint8Array, file: string): NumberArray {
  const header = parseNpyHeader(bytes, file);
  checkNpySize(header, bytes.byteLength, file);
  return decodeNpyElements(header, header.shape, bytes.subarray(header.dataOffset));
}

/** @throws AeqError DATASET_UNREADABLE unless a file of this size holds exactly the array its header tells of. */
export function checkNpySize(header: NpyHeader, sizeBytes: number, file: string): void {
  const expected = npyDataBytes(header);
  const got = sizeBytes - header.dataOffset;
  if (got === expected) return;
  const what = `${header.type} ${shapeText(header.shape)} takes ${expected} bytes`;
  throw unreadable(file, `${what}, but ${got < expected ? 'only ' : ''}${got} are there`);
}

function swapBytes(data: NumberArray['data']): void {
  const size = data.BYTES_PER_ELEMENT;
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  for (let i = 0; size > 1 && i < bytes.length; i += size) bytes.subarray(i, i + size).reverse();
}

/** Column-major elements in row-major order. */
function rowMajor(data: NumberArray['data'], shape: readonly number[]): NumberArray['data'] {
  const result = data.slice();
  const index = new Array<number>(shape.length).fill(0);
  const strides = shape.map((_, axis) => shapeCount(shape.slice(0, axis)));
  let from = 0;
  for (let to = 0; to < result.length; to++) {
    result[to] = data[from] as never;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const stride = strides[axis] ?? 0;
      const next = (index[axis] ?? 0) + 1;
      from += stride;
      if (next < (shape[axis] ?? 0)) {
        index[axis] = next;
        break;
      }
      index[axis] = 0;
      from -= next * stride;
    }
  }
  return result;
}

const CODES = Object.fromEntries(Object.entries(TYPES).map(([code, type]) => [type, code])) as Record<
  ArrayType,
  string
>;

/** The bytes of a `.npy` file (version 1, little-endian, row-major) that holds the array. */
export function encodeNpy(array: NumberArray): Uint8Array {
  const order = elementBytes(array.type) === 1 ? '|' : '<';
  const shape = array.shape.length === 1 ? `${array.shape[0]},` : array.shape.join(', ');
  const text = `{'descr': '${order}${CODES[array.type]}', 'fortran_order': False, 'shape': (${shape}), }`;
  const headerBytes = Math.ceil((10 + text.length + 1) / 64) * 64 - 10;
  const bytes = new Uint8Array(10 + headerBytes + array.data.byteLength);
  bytes.set([...MAGIC, 1, 0, headerBytes & 0xff, headerBytes >> 8]);
  bytes.set(new TextEncoder().encode(`${text.padEnd(headerBytes - 1)}\n`), 10);
  bytes.set(new Uint8Array(array.data.buffer, array.data.byteOffset, array.data.byteLength), 10 + headerBytes);
  return bytes;
}
