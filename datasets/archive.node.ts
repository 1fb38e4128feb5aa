import { extname } from 'node:path';
import { AeqError } from '../schema/errors.ts';
import { type DataFile, readRange, readText } from './files.node.ts';

const BLOCK = 512;
/** Names in extension headers; no honest one is longer. */
const LONGEST_HEADER_BYTES = 1 << 20;

/** Extensions of archives whose files can be read in place. */
export const ARCHIVE_EXTENSIONS: ReadonlySet<string> = new Set(['.tar']);

const damaged = (file: DataFile, why: string): AeqError =>
  new AeqError('DATASET_UNREADABLE', `${file.label} cannot be read as a tar archive: ${why}`, {
    where: { file: file.label },
    hint: 'the archive must be uncompressed tar; gunzip a .tar.gz before',
  });

/**
 * The regular files in a tar archive (ustar, with GNU and pax long names), in its order; they are read in place. Names that
 * begin with a dot are left out, as in folders. @throws AeqError DATASET_UNREADABLE
 */
async function listTar(archive: DataFile): Promise<DataFile[]> {
  const files: DataFile[] = [];
  let longName: string | undefined;
  for (let at = 0; at + BLOCK <= archive.sizeBytes; ) {
    const header = await readRange(archive, at, at + BLOCK);
    if (header.every((byte) => byte === 0)) break;
    checkSum(header, archive);
    const sizeBytes = readSize(header, archive);
    const kind = String.fromCharCode(header[156] ?? 0);
    const start = at + BLOCK;
    if (start + sizeBytes > archive.sizeBytes) throw damaged(archive, 'it is cut off');
    if (kind === 'L' || kind === 'x') {
      if (sizeBytes > LONGEST_HEADER_BYTES) throw damaged(archive, `a name of ${sizeBytes} bytes`);
      const text = new TextDecoder().decode(await readRange(archive, start, start + sizeBytes));
      longName = kind === 'L' ? text.replace(/\0.*$/s, '') : (paxPath(text) ?? longName);
    } else if (kind !== 'g') {
      const name = longName ?? headerName(header);
      longName = undefined;
      if (kind === '0' || kind === '\0') files.push(member(archive, name.replace(/^\.\//, ''), start, sizeBytes));
    }
    at = start + Math.ceil(sizeBytes / BLOCK) * BLOCK;
  }
  return files.filter(({ name }) => !name.split('/').some((part) => part.startsWith('.')));
}

const member = (archive: DataFile, name: string, offset: number, sizeBytes: number): DataFile => ({
  path: archive.path,
  offset: archive.offset + offset,
  sizeBytes,
  name,
  label: `${archive.label}:${name}`,
  extension: extname(name).toLowerCase(),
  named: false,
});

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes).replace(/\0.*$/s, '');

function headerName(header: Uint8Array): string {
  const name = text(header.subarray(0, 100));
  const prefix = text(header.subarray(257, 262)) === 'ustar' ? text(header.subarray(345, 500)) : '';
  return prefix ? `${prefix}/${name}` : name;
}

function readSize(header: Uint8Array, archive: DataFile): number {
  const field = header.subarray(124, 136);
  // Sizes above 8 GiB are binary, marked by the highest bit.
  if ((field[0] ?? 0) & 0x80) {
    const size = field.subarray(4).reduce((value, byte) => value * 256 + byte, 0);
    if (Number.isSafeInteger(size)) return size;
  }
  const digits = text(field).trim();
  if (!/^[0-7]{0,12}$/.test(digits)) throw damaged(archive, 'a size makes no sense');
  return Number.parseInt(digits || '0', 8);
}

/** The sum of all bytes with the field of the sum taken as spaces. */
function checkSum(header: Uint8Array, archive: DataFile): void {
  const stored = Number.parseInt(text(header.subarray(148, 156)).trim(), 8);
  const sum = header.reduce((total, byte, i) => total + (i >= 148 && i < 156 ? 32 : byte), 0);
  if (stored !== sum) throw damaged(archive, 'a header has a wrong checksum');
}

/** Records `<length> <key>=<value>\n`. */
const paxPath = (records: string): string | undefined => /(?:^|\n)\d+ path=([^\n]*)\n/.exec(records)?.[1];

/** Part of a name before the first dot of its last part: what the files of one WebDataset sample have in common. */
const sampleKey = (name: string): string => name.replace(/(^|\/)([^/.]*)\.[^/]*$/, '$1$2');

/** The files of a data set with archives replaced by what is in them; and the classes that WebDataset shards tell. */
export async function expandArchives(
  files: readonly DataFile[],
): Promise<{ files: DataFile[]; classes: ReadonlyMap<string, number> }> {
  const classes = new Map<string, number>();
  const expanded: DataFile[] = [];
  for (const file of files) {
    if (!ARCHIVE_EXTENSIONS.has(file.extension)) {
      expanded.push(file);
      continue;
    }
    // Sample names of several shards may be the same.
    const prefix = files.length > 1 ? `${file.name}/` : '';
    for (const inside of await listTar(file)) {
      const renamed = { ...inside, name: prefix + inside.name };
      if (inside.extension === '.cls') classes.set(sampleKey(renamed.name), await readClass(inside));
      else expanded.push(renamed);
    }
  }
  return { files: expanded, classes };
}

async function readClass(file: DataFile): Promise<number> {
  const content = (await readText(file)).trim();
  if (/^\d{1,9}$/.test(content)) return Number(content);
  throw new AeqError('LABELS_INVALID', `${file.label} holds no class number: ${content.slice(0, 40)}`, {
    where: { file: file.label },
  });
}

/** The class of each sample by its name; undefined when none has one. */
export function archiveLabels(names: readonly string[], classes: ReadonlyMap<string, number>) {
  if (classes.size === 0) return undefined;
  return names.map((name) => {
    const label = classes.get(sampleKey(name.replace(/\[\d+\]$/, '')));
    return label === undefined ? undefined : new Set([label]);
  });
}
