import { AeqError } from '../../schema/errors.ts';
import { parseCsv } from '../csv.ts';

/** One text and the line it begins on, counted from 1. */
export interface TextLine {
  readonly text: string;
  readonly line: number;
}

/** Columns and fields that hold the text where nothing else is said. */
const TEXT_FIELDS = ['text', 'sentence', 'content', 'prompt'] as const;

const unreadable = (file: string, why: string, hint: string): AeqError =>
  new AeqError('DATASET_UNREADABLE', `${file} cannot be read as texts: ${why}`, { where: { file }, hint });

/** One text a line; empty lines are left out. */
export function textLines(content: string): TextLine[] {
  return content
    .replace(/^\uFEFF/, '')
    .split(/\r\n|\n|\r/)
    .map((text, index) => ({ text, line: index + 1 }))
    .filter(({ text }) => text.trim() !== '');
}

/**
 * One JSON value a line: a string, or an object whose text is in `field` (or in `text`, `sentence`, `content`, `prompt`, or
 * in its only field that is a string). @throws AeqError DATASET_UNREADABLE naming the line
 */
export function jsonLines(content: string, file: string, field?: string): TextLine[] {
  return textLines(content).map(({ text, line }) => {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      throw unreadable(file, `line ${line} is not JSON`, 'write one JSON value a line');
    }
    if (typeof value === 'string' && field === undefined) return { text: value, line };
    const fields = typeof value === 'object' && value !== null ? Object.entries(value) : [];
    const strings = fields.filter((entry): entry is [string, string] => typeof entry[1] === 'string');
    const found =
      field === undefined
        ? (strings.find(([name]) => TEXT_FIELDS.some((known) => known === name)) ??
          (strings.length === 1 ? strings[0] : undefined))
        : strings.find(([name]) => name === field);
    if (found) return { text: found[1], line };
    const names = fields.map(([name]) => name).join(', ') || 'none';
    throw unreadable(file, `line ${line} has no text in "${field ?? 'text'}"; its fields: ${names}`, HINT);
  });
}

const HINT = 'name the field or column that holds the text';

/**
 * The texts of a table: of the column with this name, or with this number (from 1, then there is no header); by default of
 * the column `text`, `sentence`, `content` or `prompt`, or of the only column. @throws AeqError DATASET_UNREADABLE
 */
export function tableTexts(content: string, file: string, separator: ',' | '\t', field?: string): TextLine[] {
  const rows = parseCsv(content, file, separator);
  const header = rows[0]?.cells ?? [];
  const { column, first } = textColumn(header, file, field);
  return rows.slice(first).flatMap(({ cells, line }) => {
    const text = cells[column];
    if (text === undefined) throw unreadable(file, `line ${line} has only ${cells.length} columns`, HINT);
    return text.trim() === '' ? [] : [{ text, line }];
  });
}

function textColumn(header: readonly string[], file: string, field?: string): { column: number; first: 0 | 1 } {
  const named = header.findIndex((cell) =>
    field === undefined ? TEXT_FIELDS.some((known) => known === cell.toLowerCase()) : cell === field,
  );
  if (named >= 0) return { column: named, first: 1 };
  if (field !== undefined && /^[1-9]\d{0,3}$/.test(field)) return { column: Number(field) - 1, first: 0 };
  if (field === undefined && header.length === 1) return { column: 0, first: 0 };
  throw unreadable(
    file,
    `it has no column "${field ?? 'text'}"; its first line: ${header.join(', ').slice(0, 80)}`,
    HINT,
  );
}
