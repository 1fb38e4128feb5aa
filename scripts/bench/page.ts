/**
 * Writes docs/performance.md from docs/performance.csv, to which the benchmarks append (--csv docs/performance.csv):
 * `npx tsx scripts/bench/page.ts [--check]`. Of several rows about the same thing the last one counts.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type Row, readRows, secondsText } from './report.ts';

const CSV = new URL('../../docs/performance.csv', import.meta.url);
const PAGE = new URL('../../docs/performance.md', import.meta.url);

const HEAD = `<!-- Written by scripts/bench/page.ts from performance.csv. -->

# Performance

How long things take and how much memory they need, beside the Python original (AI Edge Quantizer 0.10.0 with
ai-edge-litert 2.3.0) and beside the least that has to be done: the interpreter alone, or reading the input and writing the
output. All contenders of a table ran in turn on the same machine, with the same files and samples. Times are medians,
memory is the highest peak of any one process. *Wall* is the time that passes, *processor* what all processes together
used. "3.2x" under *original* means that the original needs 3.2 times as long; *limit* is the time as a multiple of the
least.
`;

/** Sections in the order of the page. */
const SECTIONS = [
  {
    benchmark: 'calibrate',
    title: 'Calibration',
    text: `One sample more: the difference between a long and a short run over the difference of their samples, so that starting counts
for nothing. Samples are decoded beforehand. The limit is the captured run: the interpreter on one thread with all tensors
that are looked at as outputs, without looking at them; "run with ranges" and "run with histograms" look at them, in the
same process. (These two, and \`aeq\`, run a large model in segments, which the captured run does not: tensors that stay in
the caches are written faster too.) The original reads minimum and maximum; \`aeq\` also makes histograms. The tables of more
samples show how memory grows with their number: in them it is the median of the runs.`,
  },
  {
    benchmark: 'validate',
    title: 'Validation',
    text: `The model against its form quantized by \`dynamic_wi8_afp32\`, one sample more, all tensors that can be matched. The limit is a
bare run of both models. "Operators alone" adds the error that each operator makes by itself, for which the original has
nothing: it is the same run of the original in both tables. The tables of more samples, without "operators alone", show how
memory grows with their number.`,
  },
  {
    benchmark: 'quantize',
    title: 'Quantization',
    text: `The whole program, from start to end, without running the result. The limit reads the input and writes as many bytes as the
output has. Files are in the page cache where they fit. \`big-1.3\` has its weights in the flatbuffer, \`big-6\` behind it.`,
  },
  {
    benchmark: 'start',
    title: 'Small things',
    text: 'The whole program, from start to end. `quantize dynamic` loads the result and runs it once, unless told not to.',
  },
] as const;

const REPEAT = `## How to repeat

\`\`\`sh
npm ci && npm run build
npx tsx scripts/bench/all.ts --models <folder> --data <pictures> \\
  --against <python with ai-edge-quantizer 0.10.0> --library <libLiteRt.so> --csv docs/performance.csv
npx tsx scripts/bench/page.ts
\`\`\`

The folder holds \`efficientnet_lite0.tflite\` and \`minilm_l6_seq64.tflite\`; the large models are made in the temporary folder
(\`TMPDIR\`, 10 GB) and deleted. Each benchmark can also be run by itself, see the head of its file in \`scripts/bench\`. GNU time
(\`/usr/bin/time\`) is needed, and a machine that does nothing else: other work stretches wall times, processor times less.
`;

/** The page for the rows of a CSV file. */
export function renderPage(csv: string): string {
  const rows = readRows(csv);
  const machines = [...new Set(rows.map(({ machine }) => machine))];
  const where = `Measured on: ${machines.join('; ')}.${busyness(rows)}\n`;
  const sections = SECTIONS.flatMap(({ benchmark, title, text }) => {
    const own = rows.filter((row) => row.benchmark === benchmark);
    return own.length === 0 ? [] : [`## ${title}\n\n${text}\n\n${tables(own)}`];
  });
  return [HEAD, where, ...sections, REPEAT].join('\n');
}

/** More than this and something else was running: a benchmark itself keeps two or three processes busy. */
const QUIET_LOAD = 4;

function busyness(rows: readonly Row[]): string {
  const most = Math.max(...rows.map(({ load }) => load));
  if (most <= QUIET_LOAD) return '';
  return `

**Something else was running** (load up to ${most.toFixed(0)}): wall times are far too long, for all contenders of a table
alike; processor times are nearer to the truth.`;
}

function tables(rows: readonly Row[]): string {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const title = `${row.model}: ${row.case}`;
    groups.set(title, [...(groups.get(title) ?? []), row]);
  }
  return [...groups].map(([title, group]) => `**${title}**\n\n${table(group)}\n`).join('\n');
}

const isOriginal = ({ contender }: Row) => contender.startsWith('original');
const isLimit = ({ contender }: Row) => /^(captured run|bare run|read and write)/.test(contender);

function table(rows: readonly Row[]): string {
  const originals = rows.filter(isOriginal);
  const limits = rows.filter(isLimit);
  const runs = new Set(rows.map((row) => row.runs));
  const head = [
    runs.size === 1 ? `${[...runs][0]} run${runs.has(1) ? '' : 's'}` : 'runs differ',
    'wall',
    'processor',
    'peak memory',
    ...originals.map(({ contender }) => contender),
    ...(limits.length > 0 ? ['limit'] : []),
  ];
  const lines = rows.map((row) => {
    const others = isOriginal(row) || isLimit(row);
    const limit = limits.find((entry) => limitSuits(entry, row));
    return [
      row.contender,
      secondsText(row.wallSeconds),
      secondsText(row.cpuSeconds),
      row.peakBytes === undefined ? '' : `${Math.round(row.peakBytes / 1e6)} MB`,
      ...originals.map((entry) => (others ? '' : ratio(entry.wallSeconds, row.wallSeconds))),
      ...(limits.length > 0 ? [isLimit(row) || !limit ? '' : ratio(row.wallSeconds, limit.wallSeconds)] : []),
    ];
  });
  return aligned([head, ...lines]);
}

/** Limits of an interpreter are for those that use it; the original uses the native one. */
function limitSuits(limit: Row, row: Row): boolean {
  const [, interpreter] = limit.contender.split(', ');
  return (
    interpreter === undefined || row.contender.includes(interpreter) || (isOriginal(row) && interpreter === 'native')
  );
}

const ratio = (a: number, b: number): string => (b > 0 ? `${(a / b).toFixed(a / b < 10 ? 2 : 0)}x` : '');

function aligned(lines: readonly (readonly string[])[]): string {
  const widths = (lines[0] ?? []).map((_, column) => Math.max(3, ...lines.map((line) => (line[column] ?? '').length)));
  const text = (line: readonly string[]) =>
    `| ${line.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join(' | ')} |`;
  const rule = `| ${widths.map((width, i) => (i === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`;
  const [head = [], ...rest] = lines;
  return [text(head), rule, ...rest.map(text)].join('\n');
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const page = renderPage(readFileSync(CSV, 'utf8'));
  if (!process.argv.includes('--check')) writeFileSync(PAGE, page);
  else if (readFileSync(PAGE, 'utf8') !== page) {
    console.error(`${fileURLToPath(PAGE)} is not current: npx tsx scripts/bench/page.ts`);
    process.exitCode = 1;
  }
}
