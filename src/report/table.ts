import type { Comparison, Metrics } from '../../schema/documents/comparison.ts';
import type { BaselineDifference } from './baseline.ts';
import {
  columns,
  displayName,
  formatBytes,
  formatCosine,
  formatDb,
  formatNumber,
  formatShare,
  PLAIN,
  plural,
  type Style,
} from './format.ts';
import { type Layer, layersOf, worstLayers } from './ranking.ts';
import { remarks } from './remarks.ts';

export interface TableOptions {
  /** Rows of the layer table; default 10. */
  readonly top?: number;
  readonly style?: Style;
  /** What has changed since an earlier run. */
  readonly differences?: readonly BaselineDifference[];
}

const NAME_WIDTH = 44;

/** The comparison as text for a terminal: sizes, outputs, the worst layers, accuracy, remarks, gates. */
export function comparisonTable(comparison: Comparison, options: TableOptions = {}): string {
  const style = options.style ?? PLAIN;
  const layers = layersOf(comparison);
  const sections = [
    header(comparison, style),
    outputTable(layers, comparison, style),
    layerTable(layers, options.top ?? 10, comparison, style),
    accuracyTable(comparison, style),
    differenceTable(options.differences ?? [], style),
    remarks(comparison).map((remark) => `${style.yellow('note')}  ${remark}`),
    gateLines(comparison, style),
  ];
  return sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n');
}

function header({ float, quantized, signatures, runtime }: Comparison, style: Style): string[] {
  const samples = signatures.reduce((sum, { samples: count }) => sum + count, 0);
  const ratio = formatShare(quantized.sizeBytes / float.sizeBytes);
  return [
    `${style.bold(quantized.file)} compared with ${style.bold(float.file)}`,
    `${formatBytes(float.sizeBytes)} → ${formatBytes(quantized.sizeBytes)} (${ratio})   ${style.dim(`${plural(samples, 'sample')}, ${runtime}`)}`,
  ];
}

const RIGHT = new Set([3, 4, 5, 6, 7, 8, 9]);

function outputTable(layers: readonly Layer[], { signatures }: Comparison, style: Style): string[] {
  const outputs = layers.filter(({ tensor }) => tensor.role === 'output');
  const rows = outputs.map(({ signature, tensor }) => [
    `${signatures.length > 1 ? `${signature}: ` : ''}${displayName(tensor.signatureName ?? tensor.name, NAME_WIDTH)}`,
    tensor.operator ?? '',
    tensor.quantized.type,
    ...numbers(tensor.metrics, style),
  ]);
  const titles = ['Output', 'operator', 'type', ...METRIC_TITLES].map(style.bold);
  return rows.length === 0 ? [] : columns([titles, ...rows], RIGHT);
}

function layerTable(layers: readonly Layer[], top: number, comparison: Comparison, style: Style): string[] {
  const inner = worstLayers(layers.filter(({ tensor }) => tensor.role !== 'output' && !isExact(tensor.metrics)));
  const shown = inner.slice(0, top);
  if (shown.length === 0) return [];
  const injected = comparison.operators.length > 0;
  const titles = [
    `Worst layers (${shown.length} of ${inner.length})`,
    'operator',
    'type',
    ...(injected ? ['adds dB'] : []),
    ...METRIC_TITLES,
  ].map(style.bold);
  const rows = shown.map(({ tensor, injected: own }) => [
    displayName(tensor.name, NAME_WIDTH),
    tensor.operator ?? 'input',
    tensor.quantized.type,
    ...(injected ? [dbCell(own?.metrics?.sqnrDb, style)] : []),
    ...numbers(tensor.metrics, style),
  ]);
  return columns([titles, ...rows], RIGHT);
}

const isExact = (metrics: Metrics) => metrics.sqnrDb === Number.POSITIVE_INFINITY;

const METRIC_TITLES = ['SQNR dB', 'cosine', 'mse', 'max error', 'error/scale', 'clipped'];

const numbers = (metrics: Metrics, style: Style): string[] => [
  dbCell(metrics.sqnrDb, style),
  formatCosine(metrics.cosine),
  formatNumber(metrics.mse),
  formatNumber(metrics.maxAbsoluteError),
  formatNumber(metrics.errorOverScale),
  formatShare(metrics.clippedShare),
];

/** Below 10 dB the error is a third of the signal or more; below 20 dB it is a tenth. */
function dbCell(value: number | undefined, style: Style): string {
  const text = formatDb(value);
  if (value === undefined) return style.dim(text);
  if (Number.isNaN(value) || value < 10) return style.red(text);
  return value < 20 ? style.yellow(text) : text;
}

function accuracyTable({ classification }: Comparison, style: Style): string[] {
  if (!classification) return [];
  const { float, quantized, labelled, compared, agreement } = classification;
  const agree = `Agreement  ${formatShare(agreement)} of ${plural(compared, 'sample')} have the same first class`;
  if (!float || !quantized) return [agree];
  const row = (name: string, a: number, b: number) => [name, formatShare(a), formatShare(b), formatPoints(b - a)];
  const titles = [`Accuracy (${plural(labelled, 'labelled sample')})`, 'float', 'quantized', 'change'].map(style.bold);
  const rows = [row('top-1', float.top1, quantized.top1), row('top-5', float.top5, quantized.top5)];
  return [...columns([titles, ...rows], new Set([1, 2, 3])), agree];
}

/** A change of a share in percentage points. */
const formatPoints = (change: number) => `${change > 0 ? '+' : ''}${(100 * change).toFixed(2)} points`;

function differenceTable(differences: readonly BaselineDifference[], style: Style): string[] {
  if (differences.length === 0) return [];
  const titles = ['Since the baseline', 'measure', 'before', 'now', ''].map(style.bold);
  const verdict = (worse: boolean | undefined) =>
    worse === undefined ? '' : worse ? style.red('worse') : style.green('better');
  const rows = differences.map(({ subject, measure, before, now, worse }) => [
    displayName(subject, NAME_WIDTH),
    measure,
    before,
    now,
    verdict(worse),
  ]);
  return columns([titles, ...rows], new Set([2, 3]));
}

function gateLines({ gates }: Comparison, style: Style): string[] {
  return gates.map(({ passed, message }) => `${passed ? style.green('gate') : style.red('gate')}  ${message}`);
}
