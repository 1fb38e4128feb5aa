import { AeqError } from '../schema/errors.ts';

/** A row of a table and the line it begins on, counted from 1. */
export interface CsvRow {
  readonly cells: readonly string[];
  readonly line: number;
}

/**
 * Reads comma-separated values as RFC 4180 says: cells may be quoted, quotes in them doubled, line ends and commas inside
 * quotes kept. Empty lines are left out, spaces around unquoted cells too. @throws AeqError DATASET_UNREADABLE for a quote
 * that is never closed.
 */
export function parseCsv(text: string, file: string, separator = ','): CsvRow[] {
  const rows: CsvRow[] = [];
  let cells: string[] = [];
  let line = 1;
  let rowLine = 1;
  let at = text.startsWith('\uFEFF') ? 1 : 0;
  const finishRow = () => {
    if (cells.length > 1 || cells[0] !== '') rows.push({ cells, line: rowLine });
    cells = [];
    rowLine = line;
  };
  while (at < text.length) {
    const { cell, end, lines } = readCell(text, at, separator, file, line);
    cells.push(cell);
    line += lines;
    at = end;
    if (text[at] === separator) {
      at += 1;
      // A separator at the very end has an empty cell behind it.
      if (at === text.length) cells.push('');
      continue;
    }
    if (text[at] === '\r' && text[at + 1] === '\n') at += 1;
    if (at < text.length) {
      at += 1;
      line += 1;
    }
    finishRow();
  }
  if (cells.length > 0) finishRow();
  return rows;
}

function readCell(text: string, start: number, separator: string, file: string, line: number) {
  let from = start;
  while (text[from] === ' ') from += 1;
  // Tab-separated values have no quoting.
  if (text[from] !== '"' || separator === '\t') {
    let end = start;
    while (end < text.length && text[end] !== separator && text[end] !== '\n' && text[end] !== '\r') end += 1;
    return { cell: text.slice(start, end).trim(), end, lines: 0 };
  }
  let cell = '';
  for (let at = from + 1; ; ) {
    const quote = text.indexOf('"', at);
    if (quote < 0) {
      throw new AeqError('DATASET_UNREADABLE', `${file} has a quote on line ${line} that is never closed`, {
        where: { file },
        hint: 'double the quotes inside of quoted cells',
      });
    }
    cell += text.slice(at, quote);
    if (text[quote + 1] !== '"') {
      let end = quote + 1;
      while (end < text.length && text[end] !== separator && text[end] !== '\n' && text[end] !== '\r') end += 1;
      return { cell: cell + text.slice(quote + 1, end).trim(), end, lines: cell.split('\n').length - 1 };
    }
    cell += '"';
    at = quote + 2;
  }
}
