import type { Comparison, ModelEntry } from '../../../schema/documents/comparison.ts';
import type { BaselineDifference } from '../baseline.ts';
import { displayName, formatBytes, formatDb, formatNumber, formatShare, plural } from '../format.ts';
import { breakable, html, type Markup } from './markup.ts';

interface Cell {
  readonly text: Markup | string | number | false;
  readonly number?: boolean;
}

/** A table with a title for each column; cells that are numbers are aligned to the right. */
function simpleTable(titles: readonly Cell[], rows: readonly (readonly Cell['text'][])[], label: string): Markup {
  const kind = (index: number) => (titles[index]?.number ? 'number' : '');
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${label}"><table><thead><tr>${titles.map(
    ({ text }, index) => html`<th scope="col" class="${kind(index)}">${text}</th>`,
  )}</tr></thead><tbody>${rows.map(
    (cells) => html`<tr>${cells.map((cell, index) => html`<td class="${kind(index)}">${cell}</td>`)}</tr>`,
  )}</tbody></table></div>`;
}

const numberColumn = (text: string): Cell => ({ text, number: true });
const textColumn = (text: string): Cell => ({ text });
/** A name, shortened; all of it shows when pointed at. */
const name = (text: string): Markup =>
  html`<span class="name" title="${text}">${breakable(displayName(text, 90))}</span>`;

export function gateSection({ gates }: Comparison): Markup | false {
  if (gates.length === 0) return false;
  const rows = gates.map(({ passed, condition, subject, value, failures }) => [
    html`<span class="verdict ${passed ? 'passed' : 'failed'}">${passed ? 'passed' : 'failed'}</span>`,
    html`<code>${condition}</code>`,
    html`${name(subject)}${failures.length > 1 && html` <span class="muted">and ${failures.length - 1} more</span>`}`,
    formatNumber(value),
  ]);
  const titles = [textColumn('Gate'), textColumn('fails when'), textColumn('decided by'), numberColumn('value')];
  return html`<section><h2>Gates</h2>${simpleTable(titles, rows, 'Gates')}</section>`;
}

export function baselineSection(differences: readonly BaselineDifference[]): Markup | false {
  if (differences.length === 0) return false;
  const rows = differences.map(({ subject, measure, before, now, worse }) => [
    name(subject),
    measure,
    before,
    now,
    worse !== undefined &&
      html`<span class="verdict ${worse ? 'failed' : 'passed'}">${worse ? 'worse' : 'better'}</span>`,
  ]);
  const titles = [
    textColumn('What'),
    textColumn('measure'),
    numberColumn('before'),
    numberColumn('now'),
    textColumn(''),
  ];
  return html`<section><h2>Since the baseline</h2>${simpleTable(titles, rows, 'Changes since the baseline')}</section>`;
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
        numberColumn('float'),
        numberColumn('quantized'),
        numberColumn('change'),
      ],
      shares.map(([label, key]) => [
        label,
        formatShare(float[key]),
        formatShare(quantized[key]),
        `${(100 * (quantized[key] - float[key])).toFixed(2)} points`,
      ]),
      'Accuracy',
    );
  const rows = changed.map((entry) => [name(entry.name), entry.labels.join(' '), entry.float, entry.quantized]);
  const titles = [
    textColumn('Sample'),
    textColumn('label'),
    numberColumn('float says'),
    numberColumn('quantized says'),
  ];
  return html`<section><h2>Accuracy</h2>${accuracy}${
    changed.length > 0 &&
    html`<details><summary>${plural(changed.length, 'sample')} with another first class</summary>${simpleTable(titles, rows, 'Samples with another first class')}</details>`
  }</section>`;
}

/** Where the bytes are, by element type, both models on one scale; and which operators there are. */
export function sizeSection({ float, quantized }: Comparison): Markup {
  const types = [...new Set([...Object.keys(float.constantBytes), ...Object.keys(quantized.constantBytes)])];
  const color = (type: string) => `var(--t${Math.min(5, types.indexOf(type))})`;
  const bar = (entry: ModelEntry, title: string) =>
    html`<div>${title}: ${formatBytes(entry.sizeBytes)}</div><div class="bar" role="img" aria-label="${Object.entries(
      entry.constantBytes,
    )
      .map(([type, bytes]) => `${type} ${formatBytes(bytes)}`)
      .join(', ')}">${Object.entries(entry.constantBytes).map(
      ([type, bytes]) =>
        html`<i style="width:${((100 * bytes) / float.sizeBytes).toFixed(3)}%;background:${color(type)}" title="${type}: ${formatBytes(bytes)}"></i>`,
    )}</div>`;
  const rows = types.map((type) => [
    html`<i style="display:inline-block;width:.7em;height:.7em;margin-right:.4em;background:${color(type)}"></i>${type}`,
    formatBytes(float.constantBytes[type] ?? 0),
    formatBytes(quantized.constantBytes[type] ?? 0),
  ]);
  const operators = [...new Set([...Object.keys(float.operators), ...Object.keys(quantized.operators)])];
  const changed = operators.filter((key) => float.operators[key] !== quantized.operators[key]);
  const counts = operators.map((key) => [key, float.operators[key] ?? 0, quantized.operators[key] ?? 0]);
  return html`<section><h2>Where the bytes are</h2>${bar(float, 'Float')}${bar(quantized, 'Quantized')}${simpleTable(
    [textColumn('Constants'), numberColumn('float'), numberColumn('quantized')],
    rows,
    'Bytes of constants by type',
  )}<details><summary>${plural(operators.length, 'kind')} of operators, ${changed.length} in other numbers</summary>${simpleTable(
    [textColumn('Operator'), numberColumn('float'), numberColumn('quantized')],
    counts,
    'Operators',
  )}</details></section>`;
}

export function weightSection({ weights }: Comparison): Markup | false {
  const changed = weights.filter(({ metrics }) => metrics === null || metrics.sqnrDb !== Number.POSITIVE_INFINITY);
  if (changed.length === 0) return false;
  const rows = changed
    .toSorted((a, b) => (a.metrics?.sqnrDb ?? 1e300) - (b.metrics?.sqnrDb ?? 1e300))
    .map(({ name: text, operator, type, metrics, worstChannel, quantizedBytes, problem }) => [
      name(text),
      operator,
      type,
      problem ?? formatDb(metrics?.sqnrDb),
      worstChannel ? `${formatDb(worstChannel.sqnrDb)} (channel ${worstChannel.channel})` : '–',
      formatBytes(quantizedBytes),
    ]);
  const titles = [
    textColumn('Weight'),
    textColumn('operator'),
    textColumn('type'),
    numberColumn('SQNR dB'),
    numberColumn('worst channel dB'),
    numberColumn('size'),
  ];
  return html`<section><h2>Weights</h2><details><summary>${plural(changed.length, 'stored weight')}, the worst first</summary>${simpleTable(titles, rows, 'Weights')}</details></section>`;
}

export function floatOperatorSection({ floatOperators }: Comparison): Markup | false {
  if (floatOperators.length === 0) return false;
  const rows = floatOperators.map(({ operator, position, output, reason }) => [
    position,
    operator,
    name(output),
    reason,
  ]);
  const titles = [numberColumn('#'), textColumn('Operator'), textColumn('makes'), textColumn('why')];
  return html`<section><h2>In float</h2><details><summary>${plural(floatOperators.length, 'operator')} not quantized, and why</summary>${simpleTable(titles, rows, 'Operators in float')}</details></section>`;
}

export function unmatchedSection({ signatures }: Comparison): Markup | false {
  const rows = signatures.flatMap(({ unmatched }) => unmatched.map(({ name: text, reason }) => [name(text), reason]));
  if (rows.length === 0) return false;
  return html`<section><h2>Not compared</h2><details><summary>${plural(rows.length, 'tensor')} of the float model</summary>${simpleTable([textColumn('Tensor'), textColumn('why')], rows, 'Tensors that were not compared')}</details></section>`;
}

/** What was compared, exactly, so that the report can be traced. */
export function provenance({ float, quantized, datasets, runtime }: Comparison): Markup {
  const model = (title: string, { file, sha256 }: ModelEntry) =>
    html`<div>${title}: ${file}${sha256 && html`, SHA-256 ${sha256}`}</div>`;
  return html`<footer>${model('Float model', float)}${model('Quantized model', quantized)}<div>Interpreter: ${runtime}</div>${datasets.map(
    ({ signature, samples, kind, sources, preprocessing }) =>
      html`<div>Samples of ${signature}: ${samples} of ${kind} from ${sources.join(', ') || 'a program'}, prepared with ${JSON.stringify(preprocessing)}</div>`,
  )}</footer>`;
}
