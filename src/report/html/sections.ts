import type { Comparison, ModelEntry } from '../../../schema/documents/comparison.ts';
import type { BaselineDifference } from '../baseline.ts';
import { formatBytes, formatExact, formatPercent, formatShare, plural } from '../format.ts';
import { html, type Markup } from './markup.ts';
import { name, numberColumn, section, simpleTable, textColumn } from './table.ts';

const verdictPill = (good: boolean, text: string): Markup =>
  html`<span class="pill ${good ? 'passed' : 'failed'}">${text}</span>`;

export function gateSection({ gates }: Comparison): Markup | false {
  if (gates.length === 0) return false;
  const rows = gates.map(({ passed, condition, subject, value, failures }) => [
    html`<code>${condition}</code>`,
    verdictPill(passed, passed ? 'passed' : 'failed'),
    formatExact(value),
    html`${name(subject)}${failures.length > 1 && html` <span class="muted">and ${failures.length - 1} more</span>`}`,
  ]);
  const titles = [textColumn('Fails when'), textColumn('Result'), numberColumn('Value'), textColumn('Decided by')];
  return section('gates', 'Gates', simpleTable(titles, rows, 'Gates'));
}

export function baselineSection(differences: readonly BaselineDifference[]): Markup | false {
  if (differences.length === 0) return false;
  const rows = differences.map(({ subject, measure, before, now, worse }) => [
    name(subject),
    measure,
    before,
    now,
    worse === undefined
      ? html`<span class="muted">about the same</span>`
      : verdictPill(!worse, worse ? 'worse' : 'better'),
  ]);
  const titles = [
    textColumn('What'),
    textColumn('Measure'),
    numberColumn('Before'),
    numberColumn('Now'),
    textColumn('Change'),
  ];
  return section('baseline', 'Since the baseline', simpleTable(titles, rows, 'Changes since the baseline'));
}

export function accuracySection({ classification }: Comparison): Markup | false {
  if (!classification || (classification.changed.length === 0 && !classification.float)) return false;
  const { float, quantized, changed, labelled } = classification;
  const shares = [
    ['top-1', 'top1'],
    ['top-5', 'top5'],
  ] as const;
  const accuracy =
    float &&
    quantized &&
    simpleTable(
      [
        textColumn(`${plural(labelled, 'labelled sample')}`),
        numberColumn('Float'),
        numberColumn('Quantized'),
        numberColumn('Change'),
      ],
      shares.map(([label, key]) => [
        label,
        formatShare(float[key]),
        formatShare(quantized[key]),
        `${quantized[key] > float[key] ? '+' : ''}${(100 * (quantized[key] - float[key])).toFixed(2)} points`,
      ]),
      'Accuracy',
    );
  const rows = changed.map((entry) => [name(entry.name), entry.labels.join(' '), entry.float, entry.quantized]);
  const titles = [
    textColumn('Sample'),
    textColumn('Label'),
    numberColumn('Float says'),
    numberColumn('Quantized says'),
  ];
  return section(
    'accuracy',
    'Accuracy',
    accuracy,
    changed.length > 0 &&
      html`<details><summary>${plural(changed.length, 'sample')} with another first class</summary>${simpleTable(titles, rows, 'Samples with another first class')}</details>`,
  );
}

/** Where the bytes are, by element type, both models on one scale; and which operators there are. */
export function sizeSection(comparison: Comparison): Markup {
  const { float, quantized } = comparison;
  const types = [...new Set([...Object.keys(float.constantBytes), ...Object.keys(quantized.constantBytes)])];
  const color = (type: string) => `var(--t${Math.min(5, types.indexOf(type))})`;
  const widest = Math.max(float.sizeBytes, quantized.sizeBytes);
  const graph = ({ sizeBytes, constantBytes }: ModelEntry) =>
    Math.max(0, sizeBytes - Object.values(constantBytes).reduce((sum, bytes) => sum + bytes, 0));
  const bar = (entry: ModelEntry, title: string) =>
    html`<div>${title}: <b>${formatBytes(entry.sizeBytes)}</b></div><div class="bar" role="img" aria-label="${title}: ${Object.entries(
      entry.constantBytes,
    )
      .map(([type, bytes]) => `${type} ${formatBytes(bytes)}`)
      .join(', ')}">${Object.entries(entry.constantBytes).map(
      ([type, bytes]) =>
        html`<i style="width:${((100 * bytes) / widest).toFixed(3)}%;background:${color(type)}" title="${type}: ${formatBytes(bytes)}"></i>`,
    )}<i style="width:${((100 * graph(entry)) / widest).toFixed(3)}%;background:var(--line)" title="graph: ${formatBytes(graph(entry))}"></i></div>`;
  const cell = (entry: ModelEntry, bytes: number) =>
    html`${formatBytes(bytes)} <span class="muted">${formatPercent(bytes / entry.sizeBytes)}</span>`;
  const swatch = (background: string, text: string) =>
    html`<i class="swatch" style="background:${background}"></i>${text}`;
  const rows = [
    ...types.map((type) => [
      swatch(color(type), type),
      cell(float, float.constantBytes[type] ?? 0),
      cell(quantized, quantized.constantBytes[type] ?? 0),
    ]),
    [swatch('var(--line)', 'graph, names, scales'), cell(float, graph(float)), cell(quantized, graph(quantized))],
  ];
  const titles = [textColumn('Constants'), numberColumn('Float'), numberColumn('Quantized')];
  return section(
    'size',
    'Where the bytes are',
    bar(float, 'Float'),
    bar(quantized, 'Quantized'),
    simpleTable(titles, rows, 'Bytes of constants by type'),
    operatorCounts(comparison),
  );
}

function operatorCounts({ float, quantized }: Comparison): Markup {
  const all = [...new Set([...Object.keys(float.operators), ...Object.keys(quantized.operators)])];
  const changed = all.filter((key) => float.operators[key] !== quantized.operators[key]);
  const rows = all.map((key) => {
    const [before, now] = [float.operators[key] ?? 0, quantized.operators[key] ?? 0];
    const change = now === before ? '' : `${now > before ? '+' : ''}${now - before}`;
    return [key, before, now, change];
  });
  const titles = [textColumn('Operator'), numberColumn('Float'), numberColumn('Quantized'), numberColumn('Change')];
  const summary =
    changed.length === 0
      ? 'Operators: the same in both models'
      : `Operators: ${plural(changed.length, 'kind')} of ${all.length} in other numbers`;
  return html`<details><summary>${summary}</summary>${simpleTable(titles, rows, 'Operators')}</details>`;
}
