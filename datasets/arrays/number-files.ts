import { AeqError } from '../../schema/errors.ts';
import type { NumberArray } from './array.ts';

const unreadable = (file: string, why: string, hint: string): AeqError =>
  new AeqError('DATASET_UNREADABLE', `${file} cannot be read as numbers: ${why}`, { where: { file }, hint });

/**
 * A table of numbers, one sample a row, separated by commas, semicolons, tabs or spaces; a first row without any number
 * is a header. Gives float64 [rows, columns], or int64 where every number is whole and written without a point.
 * @throws AeqError DATASET_UNREADABLE naming the line.
 */
export function decodeNumberTable(text: string, file: string): NumberArray {
  const lines = text.replace(/^\uFEFF/, '').split(/\r\n|\n|\r/);
  const rows: string[][] = [];
  const first = lines.findIndex((line) => line.trim() !== '');
  lines.forEach((line, number) => {
    if (line.trim() === '') return;
    const cells = line.trim().split(/\s*[,;\t]\s*|\s+/);
    if (number === first && cells.every((cell) => !isNumber(cell))) return;
    const wrong = cells.find((cell) => !isNumber(cell));
    if (wrong !== undefined) {
      throw unreadable(file, `line ${number + 1} has "${wrong.slice(0, 40)}"`, 'every cell must be a number');
    }
    const columns = rows[0]?.length ?? cells.length;
    if (cells.length !== columns) {
      const why = `line ${number + 1} has ${cells.length} numbers, the lines before it ${columns}`;
      throw unreadable(file, why, 'every line is one sample and has as many numbers as the others');
    }
    rows.push(cells);
  });
  const columns = rows[0]?.length;
  if (columns === undefined) throw unreadable(file, 'it has no numbers', 'write one sample a line');
  const shape = [rows.length, columns];
  const cells = rows.flat();
  if (cells.every((cell) => /^[+-]?\d{1,18}$/.test(cell))) {
    return { type: 'int64', shape, data: BigInt64Array.from(cells, (cell) => BigInt(cell.replace(/^\+/, ''))) };
  }
  return { type: 'float64', shape, data: Float64Array.from(cells, parseNumber) };
}

const NAMED: Readonly<Record<string, number>> = {
  nan: Number.NaN,
  inf: Number.POSITIVE_INFINITY,
  infinity: Number.POSITIVE_INFINITY,
};

const isNumber = (cell: string): boolean =>
  /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(cell) || /^[+-]?(nan|inf|infinity)$/i.test(cell);

function parseNumber(cell: string): number {
  const named = NAMED[cell.replace(/^[+-]/, '').toLowerCase()];
  return named === undefined ? Number(cell) : cell.startsWith('-') ? -named : named;
}

/** @returns how many samples of `elements` float32 numbers a raw file of this size holds. */
export function rawSampleCount(sizeBytes: number, elements: number, file: string): number {
  const sampleBytes = elements * 4;
  if (sizeBytes > 0 && sampleBytes > 0 && sizeBytes % sampleBytes === 0) return sizeBytes / sampleBytes;
  throw new AeqError(
    'DATASET_MISMATCH',
    `${file} has ${sizeBytes} bytes, which is no whole number of samples of ${elements} float32 values (${sampleBytes} bytes)`,
    { where: { file }, hint: 'raw files are little-endian float32 samples one after another' },
  );
}
