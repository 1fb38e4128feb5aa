import { strFromU8, unzipSync, type Zippable, zipSync } from 'fflate';
import { AeqError } from '../../schema/errors.ts';
import type { NumberArray } from './array.ts';
import { decodeNpy, encodeNpy } from './npy.ts';

/** Arrays that unpack to more than this are refused: one typed array has to hold each. */
const LARGEST_ENTRY_BYTES = 2 ** 31;

/**
 * Reads a `.npz` file (a zip of `.npy` files, stored or deflated): arrays by their names without `.npy`. With `wanted`
 * only these are unpacked, but `names` has all. @throws AeqError DATASET_UNREADABLE
 */
export function decodeNpz(
  bytes: Uint8Array,
  file: string,
  wanted?: ReadonlySet<string>,
): { readonly names: readonly string[]; readonly arrays: ReadonlyMap<string, NumberArray> } {
  const names: string[] = [];
  const entries = unzip(bytes, file, ({ name, originalSize }) => {
    if (!name.endsWith('.npy')) return false;
    const key = name.slice(0, -4);
    names.push(key);
    if (wanted && !wanted.has(key)) return false;
    // A zip can claim any size; what deflate can reach at most is 1032 times the file.
    if (originalSize > LARGEST_ENTRY_BYTES || originalSize > bytes.byteLength * 1040) {
      throw unreadable(file, `its array "${key}" claims ${originalSize} bytes`);
    }
    return true;
  });
  const arrays = new Map<string, NumberArray>();
  for (const [name, content] of Object.entries(entries)) {
    arrays.set(name.slice(0, -4), decodeNpy(content, `${file} (${name})`));
  }
  return { names, arrays };
}

/** The bytes of a `.npz` file with these arrays, deflated unless `compress` is false. */
export function encodeNpz(arrays: Readonly<Record<string, NumberArray>>, compress = true): Uint8Array {
  const entries: Zippable = {};
  // A fixed time keeps the bytes the same from run to run.
  for (const [name, array] of Object.entries(arrays)) {
    entries[`${name}.npy`] = [encodeNpy(array), { level: compress ? 6 : 0, mtime: '1980-01-01T00:00:00' }];
  }
  return zipSync(entries);
}

function unzip(
  bytes: Uint8Array,
  file: string,
  filter: (entry: { name: string; originalSize: number }) => boolean,
): Readonly<Record<string, Uint8Array>> {
  if (strFromU8(bytes.subarray(0, 2), true) !== 'PK') throw unreadable(file, 'it is no zip archive');
  try {
    return unzipSync(bytes, { filter });
  } catch (error) {
    if (error instanceof AeqError) throw error;
    throw unreadable(file, error instanceof Error ? error.message : String(error));
  }
}

const unreadable = (file: string, why: string): AeqError =>
  new AeqError('DATASET_UNREADABLE', `${file} is not a valid .npz file: ${why}`, {
    where: { file },
    hint: 'write it again with numpy.savez',
  });
