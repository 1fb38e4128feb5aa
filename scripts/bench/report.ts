import { appendFileSync, existsSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import { basename, extname } from 'node:path';
import { parseCsv } from '../../datasets/csv.ts';
import { type Cost, median } from './measure.ts';

/** What was measured. */
export interface Subject {
  readonly benchmark: string;
  /** Name of the model's file without extension. */
  readonly model: string;
  readonly case: string;
}

/** One line of a result. Undefined where a figure makes no sense. */
export interface Row extends Subject {
  readonly contender: string;
  readonly runs: number;
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
  readonly peakBytes: number | undefined;
  /** Bytes read or written, as the benchmark says. */
  readonly bytes: number | undefined;
  /** Processor, cores, memory, Node. */
  readonly machine: string;
  /** Processes that wanted to run, on average over the last minute. */
  readonly load: number;
}

export const COLUMNS = [
  'benchmark',
  'model',
  'case',
  'contender',
  'runs',
  'wallSeconds',
  'cpuSeconds',
  'peakBytes',
  'bytes',
  'machine',
  'load',
] as const satisfies readonly (keyof Row)[];

/** What a model is called in results. */
export const modelName = (path: string | undefined): string => (path ? basename(path, extname(path)) : '');

function machine(): string {
  const processors = cpus();
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`;
  return `${processors[0]?.model.trim()}, ${processors.length} cores, ${memory}, Node ${process.versions.node}`;
}

/** The median times of some runs and their highest peak. */
export function rowOf(subject: Subject, contender: string, costs: readonly Cost[], bytes?: number): Row {
  return {
    ...subject,
    contender,
    runs: costs.length,
    wallSeconds: median(costs.map(({ wallSeconds }) => wallSeconds)),
    cpuSeconds: median(costs.map(({ cpuSeconds }) => cpuSeconds)),
    peakBytes: Math.max(...costs.map(({ peakBytes }) => peakBytes)),
    bytes,
    machine: machine(),
    load: loadavg()[0] ?? 0,
  };
}

/** Prints a row, and appends it to a CSV file when one is named. */
export function tell(row: Row, csv: string | undefined): void {
  const memory = row.peakBytes === undefined ? '' : `${(row.peakBytes / 1e6).toFixed(0)} MB`;
  const bytes = row.bytes === undefined ? '' : `${(row.bytes / 1e6).toFixed(1)} MB moved`;
  const times = [row.wallSeconds, row.cpuSeconds].map(secondsText);
  const cells = [row.benchmark, row.model, row.case, row.contender];
  const figures = [`${times[0]} wall`, `${times[1]} cpu`, memory, bytes];
  const widths = [10, 20, 24, 26, 14, 13, 9, 0];
  const line = [...cells, ...figures].map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' ');
  console.log(line.trimEnd());
  if (csv === undefined) return;
  if (!existsSync(csv)) appendFileSync(csv, `${COLUMNS.join(',')}\n`);
  appendFileSync(csv, `${COLUMNS.map((column) => field(row[column])).join(',')}\n`);
}

export const secondsText = (seconds: number): string =>
  seconds < 1 ? `${(1000 * seconds).toFixed(1)} ms` : `${seconds.toFixed(2)} s`;

function field(value: string | number | undefined): string {
  if (value === undefined) return '';
  if (typeof value === 'number') return Number.isInteger(value) ? String(value) : value.toFixed(5);
  return /[",\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}

/** The rows of a CSV file as `tell` writes it; of several about the same thing, the last. @throws Error for other columns. */
export function readRows(text: string): Row[] {
  const [head, ...lines] = parseCsv(text, 'the results');
  if (head?.cells.join() !== COLUMNS.join()) throw new Error(`the columns are not ${COLUMNS.join()}`);
  const optional = (cell: string | undefined) => (cell ? Number(cell) : undefined);
  const rows = new Map<string, Row>();
  for (const { cells } of lines) {
    const [benchmark = '', model = '', name = '', contender = '', runs, wall, cpu, peak, bytes, machine = '', load] =
      cells;
    const key = JSON.stringify([benchmark, model, name, contender]);
    rows.set(key, {
      ...{ benchmark, model, case: name, contender, machine, load: Number(load) },
      ...{ runs: Number(runs), wallSeconds: Number(wall), cpuSeconds: Number(cpu) },
      ...{ peakBytes: optional(peak), bytes: optional(bytes) },
    });
  }
  return [...rows.values()];
}
