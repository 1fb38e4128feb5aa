/**
 * Files packed behind a model: a zip archive that follows the last byte of the `.tflite` file (labels, vocabularies; the
 * model's metadata names them). Zip readers find the archive from the end of the file, and its entries by offsets from
 * the start of the file, so that the archive must be adjusted when the model before it changes its size.
 */
import type { ByteSource } from './codec/byte-source.ts';
import type { Constant } from './constant.ts';

export interface AssociatedFile {
  readonly name: string;
  /** Size once unpacked. */
  readonly sizeBytes: number;
}

const LOCAL_HEADER = 0x04034b50;
const DIRECTORY_ENTRY = 0x02014b50;
const DIRECTORY_END = 0x06054b50;
const ENTRY_BYTES = 46;
const END_BYTES = 22;
const LONGEST_COMMENT = 65535;
/** A larger directory is not read: it would be no archive of a few files. */
const LARGEST_DIRECTORY = 16 << 20;
/** In place of numbers that are in an extension for archives beyond 4 GiB, which we leave alone. */
const ELSEWHERE = 0xffffffff;

/** The directory of an archive: its bytes, and where things lie in the source. */
interface Archive {
  /** First byte of the first packed file. */
  readonly start: number;
  readonly directoryStart: number;
  /** Directory and its end record. */
  readonly directory: Uint8Array;
  /** Positions in `directory` of offsets that count from the start of the file; each with its value in this source. */
  readonly offsets: readonly { readonly at: number; readonly value: number }[];
  readonly files: readonly AssociatedFile[];
}

/** The archive at the end of a model file, with offsets from its own start; undefined where there is none. */
export function findAssociatedFiles(source: ByteSource): Constant | undefined {
  const archive = readArchive(source);
  return archive && moved(source, archive, 0);
}

/** The archive for a file in which it starts at `start`. */
export function placedAssociatedFiles(files: Constant, start: number): Constant {
  const source = constantSource(files);
  const archive = readArchive(source);
  // Beyond 4 GiB the offsets stay relative to the archive, which most zip readers understand too.
  return archive && start + files.sizeBytes < ELSEWHERE ? moved(source, archive, start) : files;
}

/** Names and sizes of the files of an archive. */
export function listAssociatedFiles(files: Constant): readonly AssociatedFile[] {
  return readArchive(constantSource(files))?.files ?? [];
}

function constantSource(constant: Constant): ByteSource {
  const read = (offset: number, length: number) => constant.read(offset, offset + length);
  return { sizeBytes: constant.sizeBytes, view: read, read };
}

/** Undefined for anything that is not wholly an archive that we can move. */
function readArchive(source: ByteSource): Archive | undefined {
  const end = findEnd(source);
  if (end === undefined) return undefined;
  const record = dataView(source.read(end, END_BYTES));
  const count = record.getUint16(10, true);
  const directoryBytes = record.getUint32(12, true);
  const directoryOffset = record.getUint32(16, true);
  const directoryStart = end - directoryBytes;
  // Some writers count offsets from the start of the archive instead: then they are all off by what precedes it.
  const before = directoryStart - directoryOffset;
  if (directoryBytes > LARGEST_DIRECTORY || directoryOffset === ELSEWHERE || before < 0) return undefined;
  const directory = source.read(directoryStart, source.sizeBytes - directoryStart).slice();
  const entries = readEntries(directory.subarray(0, directoryBytes), count);
  if (entries === undefined) return undefined;
  const offsets = entries.map(({ at, offset }) => ({ at, value: offset + before }));
  const start = offsets.reduce((least, { value }) => Math.min(least, value), directoryStart);
  for (const { value } of offsets) {
    if (value + 4 > directoryStart || dataView(source.read(value, 4)).getUint32(0, true) !== LOCAL_HEADER)
      return undefined;
  }
  offsets.push({ at: directoryBytes + 16, value: directoryStart });
  return { start, directoryStart, directory, offsets, files: entries.map(({ file }) => file) };
}

/** Where the end record starts: its comment must reach exactly to the end of the file. */
function findEnd(source: ByteSource): number | undefined {
  const tailBytes = Math.min(source.sizeBytes, END_BYTES + LONGEST_COMMENT);
  const tailStart = source.sizeBytes - tailBytes;
  const tail = source.read(tailStart, tailBytes);
  const view = dataView(tail);
  for (let at = tailBytes - END_BYTES; at >= 0; at -= 1) {
    if (tail[at] !== 0x50 || view.getUint32(at, true) !== DIRECTORY_END) continue;
    if (at + END_BYTES + view.getUint16(at + 20, true) === tailBytes) return tailStart + at;
  }
  return undefined;
}

function readEntries(
  directory: Uint8Array,
  count: number,
): { at: number; offset: number; file: AssociatedFile }[] | undefined {
  const view = dataView(directory);
  const entries = [];
  let position = 0;
  for (let i = 0; i < count; i += 1) {
    if (position + ENTRY_BYTES > directory.length || view.getUint32(position, true) !== DIRECTORY_ENTRY)
      return undefined;
    const nameBytes = view.getUint16(position + 28, true);
    const offset = view.getUint32(position + 42, true);
    if (offset === ELSEWHERE) return undefined;
    const nameStart = position + ENTRY_BYTES;
    const name = new TextDecoder().decode(directory.subarray(nameStart, nameStart + nameBytes));
    entries.push({ at: position + 42, offset, file: { name, sizeBytes: view.getUint32(position + 24, true) } });
    position = nameStart + nameBytes + view.getUint16(position + 30, true) + view.getUint16(position + 32, true);
  }
  return position === directory.length ? entries : undefined;
}

/** The archive with offsets as if it started at `newStart`. */
function moved(source: ByteSource, archive: Archive, newStart: number): Constant {
  const { start, directoryStart } = archive;
  const directory = archive.directory.slice();
  const view = dataView(directory);
  for (const { at, value } of archive.offsets) view.setUint32(at, value - start + newStart, true);
  const contentBytes = directoryStart - start;
  const sizeBytes = contentBytes + directory.length;
  const read = (from = 0, to = sizeBytes) => {
    if (to <= contentBytes) return source.read(start + from, to - from);
    if (from >= contentBytes) return directory.subarray(from - contentBytes, to - contentBytes);
    const result = new Uint8Array(to - from);
    result.set(source.read(start + from, contentBytes - from));
    result.set(directory.subarray(0, to - contentBytes), contentBytes - from);
    return result;
  };
  return { sizeBytes, read };
}

function dataView(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
