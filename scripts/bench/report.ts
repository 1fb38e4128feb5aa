import { appendFileSync, existsSync } from 'node:fs';
import { type Cost, median } from './measure.ts';

/** One line of a result. Undefined where a figure makes no sense. */
export interface Row {
  readonly benchmark: string;
  readonly case: string;
  readonly contender: string;
  readonly runs: number;
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
  readonly peakBytes?: number | undefined;
  /** Bytes read or written, as the benchmark says. */
  readonly bytes?: number | undefined;
}

const COLUMNS = ['benchmark', 'case', 'contender', 'runs', 'wallSeconds', 'cpuSeconds', 'peakBytes', 'bytes'] as const;

/** The median times of some runs and their highest peak. */
export function rowOf(benchmark: string, name: string, contender: string, costs: readonly Cost[], bytes?: number): Row {
  return {
    benchmark,
    case: name,
    contender,
    runs: costs.length,
    wallSeconds: median(costs.map(({ wallSeconds }) => wallSeconds)),
    cpuSeconds: median(costs.map(({ cpuSeconds }) => cpuSeconds)),
    peakBytes: Math.max(...costs.map(({ peakBytes }) => peakBytes)),
    bytes,
  };
}

/** Prints a row, and appends it to a CSV file when one is named. */
export function tell(row: Row, csv: string | undefined): void {
  const memory = row.peakBytes === undefined ? '' : `${(row.peakBytes / 1e6).toFixed(0)} MB`;
  const bytes = row.bytes === undefined ? '' : `${(row.bytes / 1e6).toFixed(1)} MB moved`;
  const times = [row.wallSeconds, row.cpuSeconds].map((seconds) =>
    seconds < 1 ? `${(1000 * seconds).toFixed(1)} ms` : `${seconds.toFixed(2)} s`,
  );
  const cells = [row.benchmark, row.case, row.contender, `${times[0]} wall`, `${times[1]} cpu`, memory, bytes];
  const widths = [10, 24, 26, 14, 13, 9, 0];
  console.log(
    cells
      .map((cell, i) => String(cell).padEnd(widths[i] ?? 0))
      .join(' ')
      .trimEnd(),
  );
  if (csv === undefined) return;
  if (!existsSync(csv)) appendFileSync(csv, `${COLUMNS.join(',')}\n`);
  appendFileSync(csv, `${COLUMNS.map((column) => cell(row[column])).join(',')}\n`);
}

function cell(value: string | number | undefined): string {
  if (value === undefined) return '';
  if (typeof value === 'number') return Number.isInteger(value) ? String(value) : value.toFixed(5);
  return /[",\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}
