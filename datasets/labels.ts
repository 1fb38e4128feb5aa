import { AeqError } from '../schema/errors.ts';
import { parseCsv } from './csv.ts';

/** Accepted class numbers per sample; undefined where a sample has no label and is not counted. */
export type Labels = readonly (ReadonlySet<number> | undefined)[];

/** Names of the columns that hold the file and the label where a table has a header with more than two columns. */
const FILE_COLUMNS = ['file', 'filename', 'name', 'path', 'image', 'sample'] as const;
const LABEL_COLUMNS = ['label', 'labels', 'class', 'class_id', 'target', 'index'] as const;

export interface LabelsOptions {
  /** Column that holds the labels, for tables with other names. */
  readonly labelColumn?: string | undefined;
  /** Class names by class number, for labels that are names. */
  readonly classNames?: readonly string[] | undefined;
}

/**
 * Labels of a classifier's samples from the text of a file: a table `file,label`, with or without a header line, matched by
 * name (a file's name alone is enough where it is unique); or one label a line, in the order of the samples. A label is a
 * class number, or a name where class names are given; several accepted labels are separated by spaces; none means that
 * the sample does not count.
 * @param names what the samples are called, in order
 * @throws AeqError LABELS_INVALID naming the line
 */
export function parseLabels(text: string, names: readonly string[], file: string, options: LabelsOptions = {}): Labels {
  const rows = parseCsv(text, file);
  if (rows.length === 0) throw invalid(file, 'it is empty', 'write file,label on each line');
  const width = Math.max(...rows.map(({ cells }) => cells.length));
  return width === 1 ? inOrder(rows, names, file, options) : byFile(rows, names, file, options);
}

type Row = ReturnType<typeof parseCsv>[number];

const invalid = (file: string, why: string, hint: string): AeqError =>
  new AeqError('LABELS_INVALID', `the labels in ${file} cannot be used: ${why}`, { where: { file }, hint });

function inOrder(rows: readonly Row[], names: readonly string[], file: string, options: LabelsOptions): Labels {
  const header = rows[0] && parseLabel(rows[0].cells[0] ?? '', options) === undefined;
  const labels = header && rows.length === names.length + 1 ? rows.slice(1) : rows;
  if (labels.length !== names.length) {
    const hint = 'write one label a line in the order of the samples, or file,label';
    throw invalid(file, `it has ${labels.length} lines for ${names.length} samples`, hint);
  }
  return labels.map((row) => requireLabel(row.cells[0] ?? '', row.line, file, options));
}

function byFile(rows: readonly Row[], names: readonly string[], file: string, options: LabelsOptions): Labels {
  const { fileColumn, labelColumn, first } = findColumns(rows, file, options);
  const labels = new Map<string, ReadonlySet<number> | undefined>();
  for (const { cells, line } of rows.slice(first)) {
    labels.set(normalName(cells[fileColumn] ?? ''), requireLabel(cells[labelColumn] ?? '', line, file, options));
  }
  const bases = new Map<string, number>();
  for (const name of names) bases.set(baseName(name), (bases.get(baseName(name)) ?? 0) + 1);
  const found = names.map((name) => {
    const key = normalName(name);
    if (labels.has(key)) return { known: true, label: labels.get(key) };
    const base = baseName(key);
    return bases.get(base) === 1 && labels.has(base) ? { known: true, label: labels.get(base) } : { known: false };
  });
  if (!found.some(({ known }) => known)) {
    const hint = `the samples are called ${names.slice(0, 3).join(', ')} ...`;
    throw invalid(file, 'none of its files is among the samples', hint);
  }
  return found.map(({ label }) => label);
}

function findColumns(rows: readonly Row[], file: string, options: LabelsOptions) {
  const cells = rows[0]?.cells ?? [];
  const lower = cells.map((cell) => cell.toLowerCase());
  const indexOf = (names: readonly string[]) => lower.findIndex((cell) => names.includes(cell));
  const fileColumn = indexOf(FILE_COLUMNS);
  const labelColumn = options.labelColumn === undefined ? indexOf(LABEL_COLUMNS) : cells.indexOf(options.labelColumn);
  if (fileColumn >= 0 && labelColumn >= 0) return { fileColumn, labelColumn, first: 1 };
  if (options.labelColumn === undefined && cells.length === 2) {
    // A header that says something else is known by its label being none.
    const header = parseLabel(cells[1] ?? '', options) === undefined;
    return { fileColumn: 0, labelColumn: 1, first: header ? 1 : 0 };
  }
  const missing = fileColumn < 0 ? `file column (${FILE_COLUMNS.join(', ')})` : 'label column';
  throw invalid(file, `its header has no ${missing}`, `name the columns file and label; it has ${cells.join(', ')}`);
}

const normalName = (name: string): string => name.replaceAll('\\', '/').replace(/^\.\//, '');
const baseName = (name: string): string => name.slice(name.lastIndexOf('/') + 1);

/** The accepted classes; an empty set for an empty label; undefined for a text that is no label. */
function parseLabel(text: string, { classNames }: LabelsOptions): ReadonlySet<number> | undefined {
  const named = classNames?.indexOf(text.trim()) ?? -1;
  if (named >= 0) return new Set([named]);
  const parts = text.split(/[\s;|]+/).filter((part) => part !== '');
  const classes = parts.map((part) => (/^\d{1,9}$/.test(part) ? Number(part) : (classNames?.indexOf(part) ?? -1)));
  return classes.some((label) => label < 0) ? undefined : new Set(classes);
}

function requireLabel(
  text: string,
  line: number,
  file: string,
  options: LabelsOptions,
): ReadonlySet<number> | undefined {
  const label = parseLabel(text, options);
  if (label) return label.size > 0 ? label : undefined;
  throw invalid(file, `line ${line} has the label "${text.slice(0, 40)}"`, 'a label is a class number, counted from 0');
}
