import { unzipSync } from 'fflate';
import { AeqError } from '../../schema/errors.ts';

/** Nothing we take out of a wheel is larger; a zip that claims more is not what it should be. */
const LARGEST_ENTRY_BYTES = 256 << 20;

/** What a wheel says of one of its files, and the file. */
export interface WheelEntry {
  readonly bytes: Uint8Array;
  /** SHA-256 of the bytes by the wheel's own list, URL-safe base64 without padding. */
  readonly sha256: string;
}

/** A wheel's version and the named file of it; the other files are not unpacked. */
export interface WheelContents {
  readonly version: string;
  readonly entry: WheelEntry | undefined;
  /** Names of files beside the one asked for, in the same folder, for messages. */
  readonly siblings: readonly string[];
}

/**
 * Reads one file out of a Python wheel (a zip archive) with its hash from the wheel's list.
 * @throws AeqError FILE_UNREADABLE when it is no wheel of that distribution or is damaged.
 */
export function readWheel(wheel: Uint8Array, distribution: string, path: string, file: string): WheelContents {
  const info = new RegExp(`^${distribution}-([^/]+)\\.dist-info/RECORD$`);
  const folder = path.slice(0, path.lastIndexOf('/') + 1);
  const siblings: string[] = [];
  const unpacked = unpack(wheel, file, ({ name, originalSize }) => {
    const besides = name.startsWith(folder) && !name.slice(folder.length).includes('/');
    if (besides && name !== path) siblings.push(name.slice(folder.length));
    if (name !== path && !info.test(name)) return false;
    if (originalSize > LARGEST_ENTRY_BYTES) throw invalid(file, `${name} in it claims ${originalSize} bytes`);
    return true;
  });
  const list = Object.keys(unpacked).find((name) => info.test(name));
  const version = list && info.exec(list)?.[1];
  if (list === undefined || version === undefined) throw invalid(file, `it is no wheel of ${distribution}`);
  const bytes = unpacked[path];
  if (bytes === undefined) return { version, entry: undefined, siblings };
  const lines = new TextDecoder().decode(unpacked[list]).split(/\r?\n/);
  const sha256 = lines.map((line) => /^(.*),sha256=([\w-]+),\d*$/.exec(line)).find((found) => found?.[1] === path)?.[2];
  if (sha256 === undefined) throw invalid(file, `its list of files has no hash of ${path}`);
  return { version, entry: { bytes, sha256 }, siblings };
}

interface ZipEntry {
  readonly name: string;
  readonly originalSize: number;
}

function unpack(wheel: Uint8Array, file: string, filter: (entry: ZipEntry) => boolean): Record<string, Uint8Array> {
  try {
    return unzipSync(wheel, { filter });
  } catch (cause) {
    if (cause instanceof AeqError) throw cause;
    throw invalid(file, `it is not a zip archive that can be read (${(cause as Error).message})`, cause);
  }
}

const invalid = (file: string, reason: string, cause?: unknown) =>
  new AeqError('FILE_UNREADABLE', `${file} cannot be used: ${reason}`, {
    cause,
    where: { file },
    hint: 'give a wheel of ai-edge-litert, such as pip download --no-deps ai-edge-litert fetches',
  });
