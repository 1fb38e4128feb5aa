import type { Comparison, Metrics } from '../../schema/documents/comparison.ts';
import type { BaselineDifference } from './baseline.ts';
import { displayName, formatBytes, formatCosine, formatDb, formatNumber, formatShare, plural } from './format.ts';
import { layersOf, worstLayers } from './ranking.ts';
import { remarks } from './remarks.ts';
import { verdictOf } from './verdict.ts';

const TOP = 10;
const NAME_LENGTH = 60;

/** The comparison as Markdown for a pull request: verdict first, then outputs, accuracy, the worst layers, remarks. */
export function summaryMarkdown(comparison: Comparison, differences: readonly BaselineDifference[] = []): string {
  const sections = [
    headline(comparison),
    inShort(comparison),
    gates(comparison),
    outputs(comparison),
    accuracy(comparison),
    changes(differences),
    layers(comparison),
    remarks(comparison, { headline: false }).map((text) => `- ${plain(text)}`),
  ];
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

function headline({ float, quantized, signatures, runtime, gates: results }: Comparison): string[] {
  const failed = results.filter(({ passed }) => !passed).length;
  const verdict =
    results.length === 0
      ? ''
      : failed === 0
        ? ': all gates passed'
        : `: ${failed} of ${plural(results.length, 'gate')} failed`;
  const samples = signatures.reduce((sum, { samples: count }) => sum + count, 0);
  return [
    `### ${code(quantized.file)}${verdict}`,
    '',
    `${formatBytes(float.sizeBytes)} → ${formatBytes(quantized.sizeBytes)} (${formatShare(quantized.sizeBytes / float.sizeBytes)}), compared with ${code(float.file)} on ${plural(samples, 'sample')} by ${plain(runtime)}.`,
  ];
}

/** The verdict in words; what the tables below have, without gates, which have a table of their own. */
function inShort(comparison: Comparison): string[] {
  const { title, sentences } = verdictOf({ ...comparison, gates: [] });
  return [`**${title}.** ${sentences.map(plain).join(' ')}`];
}

function gates({ gates: results }: Comparison): string[] {
  if (results.length === 0) return [];
  const rows = results.map(({ passed, condition, subject, value }) => [
    passed ? 'passed' : '**failed**',
    code(condition),
    plain(displayName(subject)),
    formatNumber(value),
  ]);
  return table(['Gate', 'fails when', 'decided by', 'value'], rows, 4);
}

function outputs(comparison: Comparison): string[] {
  const rows = layersOf(comparison)
    .filter(({ tensor }) => tensor.role === 'output')
    .map(({ tensor }) => [
      code(tensor.signatureName ?? tensor.name),
      tensor.quantized.type,
      ...numbers(tensor.metrics),
    ]);
  return rows.length === 0 ? [] : table(['Output', 'type', ...TITLES], rows, 3);
}

function accuracy({ classification }: Comparison): string[] {
  if (!classification) return [];
  const { float, quantized, agreement, compared, labelled } = classification;
  const agree = `The models agree on the first class of ${formatShare(agreement)} of ${plural(compared, 'sample')}.`;
  if (!float || !quantized) return [agree];
  const rows = (['top1', 'top5'] as const).map((key) => [
    key === 'top1' ? 'top-1' : 'top-5',
    formatShare(float[key]),
    formatShare(quantized[key]),
  ]);
  return [...table([`Accuracy (${labelled} labelled)`, 'float', 'quantized'], rows, 2), '', agree];
}

function changes(differences: readonly BaselineDifference[]): string[] {
  if (differences.length === 0) return [];
  const rows = differences.map(({ subject, measure, before, now, worse }) => [
    code(displayName(subject, NAME_LENGTH)),
    measure,
    before,
    now,
    worse === undefined ? '' : worse ? '**worse**' : 'better',
  ]);
  return table(['Since the baseline', '', 'before', 'now', ''], rows, 3);
}

function layers(comparison: Comparison): string[] {
  const inner = layersOf(comparison).filter(
    ({ tensor }) => tensor.role !== 'output' && tensor.metrics.sqnrDb !== Number.POSITIVE_INFINITY,
  );
  const shown = worstLayers(inner).slice(0, TOP);
  if (shown.length === 0) return [];
  const injected = comparison.operators.length > 0;
  const rows = shown.map(({ tensor, injected: own }) => [
    code(displayName(tensor.name, NAME_LENGTH)),
    tensor.operator ?? 'input',
    tensor.quantized.type,
    ...(injected ? [formatDb(own?.metrics?.sqnrDb)] : []),
    ...numbers(tensor.metrics),
  ]);
  const titles = [
    `Worst layers (${shown.length} of ${inner.length})`,
    'operator',
    'type',
    ...(injected ? ['adds dB'] : []),
  ];
  return table([...titles, ...TITLES], rows, 4);
}

const TITLES = ['SQNR dB', 'cosine', 'mse', 'error/scale', 'clipped'];

const numbers = (metrics: Metrics): string[] => [
  formatDb(metrics.sqnrDb),
  formatCosine(metrics.cosine),
  formatNumber(metrics.mse),
  formatNumber(metrics.errorOverScale),
  formatShare(metrics.clippedShare),
];

/** Columns from `firstNumber` (counted from 1) on are aligned to the right. */
function table(titles: readonly string[], rows: readonly (readonly string[])[], firstNumber: number): string[] {
  const rule = titles.map((_, index) => (index + 1 < firstNumber ? '---' : '---:'));
  return [titles, rule, ...rows].map((cells) => `| ${cells.join(' | ')} |`);
}

/** Text that Markdown and HTML leave alone. */
const plain = (text: string) => text.replace(/[\\`*_[\]<>|#]/g, (letter) => `\\${letter}`).replace(/\s+/g, ' ');

/** A name as code; names may hold anything. */
function code(text: string): string {
  const clean = text.replace(/\s+/g, ' ').replaceAll('|', '\\|');
  const fence = clean.includes('`') ? '``' : '`';
  return clean.includes('`') ? `${fence} ${clean} ${fence}` : `${fence}${clean}${fence}`;
}
