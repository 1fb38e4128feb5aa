import { brotliDecompressSync } from 'node:zlib';
import { gunzipSync } from 'fflate';
import {
  type AsyncBuffer,
  type Compressors,
  type FileMetaData,
  parquetMetadataAsync,
  parquetReadObjects,
  parquetSchema,
} from 'hyparquet';
import { AeqError } from '../../schema/errors.ts';
import { type DataFile, readRange } from '../files.node.ts';

/** A row as an object by column. */
export type ParquetRow = Readonly<Record<string, unknown>>;

/** A column at the top level of the table. */
export interface ParquetColumn {
  readonly name: string;
  readonly kind: 'text' | 'bytes' | 'numbers' | 'picture' | 'other';
}

export interface ParquetFile {
  readonly file: DataFile;
  readonly rows: number;
  readonly columns: readonly ParquetColumn[];
  /** One row with these columns; rows near each other are read together. */
  read(row: number, columns: readonly string[]): Promise<ParquetRow>;
  /** All values of one column. */
  readColumn(column: string): Promise<unknown[]>;
}

const COMPRESSORS: Compressors = {
  GZIP: (input, outputLength) => gunzipSync(input, { out: new Uint8Array(outputLength) }),
  BROTLI: (input) => brotliDecompressSync(input),
};

/** The footer of a file with millions of rows stays far below this. */
const LARGEST_FOOTER_BYTES = 2 ** 28;

const unreadable = (file: DataFile, error: unknown): AeqError => {
  const reason = (error instanceof Error ? error.message : String(error)).split('\n')[0];
  return new AeqError('DATASET_UNREADABLE', `${file.label} cannot be read as a parquet file: ${reason}`, {
    where: { file: file.label },
    hint: 'snappy, gzip, brotli and uncompressed parquet files are understood',
    cause: error,
  });
};

/** @throws AeqError DATASET_UNREADABLE */
export async function openParquetFile(file: DataFile): Promise<ParquetFile> {
  const buffer: AsyncBuffer = {
    byteLength: file.sizeBytes,
    async slice(start, end = file.sizeBytes) {
      const bytes = await readRange(file, start < 0 ? file.sizeBytes + start : start, end);
      const copy = new ArrayBuffer(bytes.byteLength);
      new Uint8Array(copy).set(bytes);
      return copy;
    },
  };
  const metadata = await readMetadata(file, buffer);
  const rows = Number(metadata.num_rows);
  const read = async (columns: readonly string[], rowStart: number, rowEnd: number): Promise<ParquetRow[]> => {
    try {
      const options = { file: buffer, metadata, compressors: COMPRESSORS, utf8: false };
      return await parquetReadObjects({ ...options, columns: [...columns], rowStart, rowEnd });
    } catch (error) {
      throw unreadable(file, error);
    }
  };
  const groups = groupStarts(metadata);
  let kept: { readonly key: string; readonly rows: Promise<ParquetRow[]> } | undefined;
  return {
    file,
    rows,
    columns: topColumns(metadata),
    async read(row, columns) {
      const group = groups.findLast((start) => start <= row) ?? 0;
      const key = `${group} ${columns.join()}`;
      if (kept?.key !== key) {
        const end = groups.find((start) => start > row) ?? rows;
        kept = { key, rows: read(columns, group, end) };
      }
      const found = (await kept.rows)[row - group];
      if (found) return found;
      throw unreadable(file, `row ${row} is missing`);
    },
    readColumn: async (column) => (await read([column], 0, rows)).map((row) => row[column]),
  };
}

async function readMetadata(file: DataFile, buffer: AsyncBuffer): Promise<FileMetaData> {
  const tail = await readRange(file, Math.max(0, file.sizeBytes - 8), file.sizeBytes);
  const length = tail.length === 8 ? new DataView(tail.buffer, tail.byteOffset).getUint32(0, true) : 0;
  if (length > LARGEST_FOOTER_BYTES || length + 12 > file.sizeBytes)
    throw unreadable(file, 'its footer makes no sense');
  try {
    return await parquetMetadataAsync(buffer);
  } catch (error) {
    throw unreadable(file, error);
  }
}

function groupStarts(metadata: FileMetaData): number[] {
  let start = 0;
  return metadata.row_groups.map((group) => {
    const first = start;
    start += Number(group.num_rows);
    return first;
  });
}

const NUMBER_TYPES: ReadonlySet<string> = new Set(['BOOLEAN', 'INT32', 'INT64', 'FLOAT', 'DOUBLE']);

function topColumns(metadata: FileMetaData): ParquetColumn[] {
  return parquetSchema(metadata).children.map((tree) => {
    const leaves = (node: typeof tree): (typeof tree)[] =>
      node.children.length > 0 ? node.children.flatMap(leaves) : [node];
    const ends = leaves(tree);
    const [end] = ends;
    const name = tree.element.name;
    // The layout of pictures in Hugging Face data sets: a struct of bytes and path.
    if (tree.children.some(({ element }) => element.name === 'bytes')) return { name, kind: 'picture' };
    if (!end || ends.length > 1) return { name, kind: 'other' };
    const { type, converted_type: converted, logical_type: logical } = end.element;
    if (type !== undefined && NUMBER_TYPES.has(type)) return { name, kind: 'numbers' };
    if (type !== 'BYTE_ARRAY' || tree.children.length > 0) return { name, kind: 'other' };
    return { name, kind: converted === 'UTF8' || logical?.type === 'STRING' ? 'text' : 'bytes' };
  });
}
