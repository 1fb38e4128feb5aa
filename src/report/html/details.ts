import type { Comparison, ModelEntry } from '../../../schema/documents/comparison.ts';
import { formatBytes, formatDb, plural } from '../format.ts';
import { html, type Markup } from './markup.ts';
import { name, numberColumn, section, simpleTable, textColumn } from './table.ts';

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
    textColumn('Operator'),
    textColumn('Type'),
    numberColumn('SQNR dB'),
    numberColumn('Worst channel dB'),
    numberColumn('Size'),
  ];
  return section(
    'weights',
    'Weights',
    html`<p class="muted">How far the stored values are from those of the float model, before anything is computed.</p>
<details><summary>${plural(changed.length, 'stored weight')}, the worst first</summary>${simpleTable(titles, rows, 'Weights')}</details>`,
  );
}

export function floatOperatorSection({ floatOperators }: Comparison): Markup | false {
  if (floatOperators.length === 0) return false;
  const reasons = new Map<string, (typeof floatOperators)[number][]>();
  for (const entry of floatOperators) reasons.set(entry.reason, [...(reasons.get(entry.reason) ?? []), entry]);
  const summary = [...reasons].map(([reason, entries]) => [
    capital(reason),
    kinds(entries.map(({ operator }) => operator)),
  ]);
  const rows = floatOperators.map(({ operator, position, output, reason }) => [
    name(output),
    operator,
    position,
    capital(reason),
  ]);
  const titles = [textColumn('Makes'), textColumn('Operator'), numberColumn('#'), textColumn('Why')];
  return section(
    'float',
    'Operators that compute in float',
    simpleTable([textColumn('Why'), textColumn('Operators')], summary, 'Reasons why operators compute in float'),
    html`<details><summary>${plural(floatOperators.length, 'operator')}, one by one</summary>${simpleTable(titles, rows, 'Operators in float')}</details>`,
  );
}

const capital = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}`;

/** `13 NEG, 4 ADD`. */
function kinds(operators: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const operator of operators) counts.set(operator, (counts.get(operator) ?? 0) + 1);
  return [...counts]
    .sort((a, b) => b[1] - a[1])
    .map(([operator, count]) => `${count} ${operator}`)
    .join(', ');
}

export function unmatchedSection({ signatures }: Comparison): Markup | false {
  const rows = signatures.flatMap(({ unmatched }) => unmatched.map(({ name: text, reason }) => [name(text), reason]));
  if (rows.length === 0) return false;
  return section(
    'unmatched',
    'Not compared',
    html`<details><summary>${plural(rows.length, 'tensor')} of the float model</summary>${simpleTable([textColumn('Tensor'), textColumn('Why')], rows, 'Tensors that were not compared')}</details>`,
  );
}

/** The samples: what looks wrong with them, and on which the outputs are worst. */
export function sampleSection({ datasets, signatures }: Comparison): Markup | false {
  const found = datasets.flatMap(({ signature, findings = [] }) =>
    findings.map(({ message, samples }) => [
      `${datasets.length > 1 ? `${signature}: ` : ''}${message}`,
      samples.join(', ') || '–',
    ]),
  );
  const looked = datasets.some(({ findings }) => findings !== undefined);
  const worst = signatures.flatMap(({ key, outputs }) =>
    outputs.flatMap(({ signatureName, worstSamples }) =>
      worstSamples.map(({ name: sample, sqnrDb }) => [
        name(sample),
        `${signatures.length > 1 ? `${key}: ` : ''}${signatureName ?? ''}`,
        formatDb(sqnrDb),
      ]),
    ),
  );
  if (found.length === 0 && worst.length === 0) return false;
  const worstTitles = [textColumn('Sample'), textColumn('Output'), numberColumn('SQNR dB')];
  return section(
    'samples',
    'Samples',
    found.length > 0
      ? simpleTable([textColumn('Suspicious'), textColumn('Such as')], found, 'What looks wrong with the samples')
      : looked && html`<p class="muted">Nothing about the samples looks wrong.</p>`,
    worst.length > 0 &&
      html`<details><summary>The samples with the largest error</summary>${simpleTable(worstTitles, worst, 'Samples with the largest error')}</details>`,
  );
}

const TERMS: readonly (readonly [term: string, meaning: string])[] = [
  [
    'SQNR, dB',
    'Signal to quantization noise ratio: how large the values are beside their error. 40 dB is an error of 1 % of the signal, 20 dB of 10 %, 10 dB of 32 %, 0 dB of 100 %. More is better.',
  ],
  [
    'Arrives',
    'The error of a value in the quantized model as it will be used: that of its own operator and of everything before it.',
  ],
  [
    'Adds',
    'The error of one operator alone, given the float model’s values. A layer with a low “arrives” and a high “adds” is a victim; one with a low “adds” is a cause.',
  ],
  ['Cosine', 'Whether two results point in the same direction: 1 is the same, 0 is unrelated.'],
  [
    'Error/scale',
    'The error in steps of the stored integers. 0.29 is what rounding alone gives; far more comes from elsewhere.',
  ],
  [
    'Clipped',
    'Share of values outside of the range that the stored integers reach. Probabilities and masks may clip without harm.',
  ],
];

export const glossary = (): Markup =>
  section(
    'terms',
    'How to read this',
    html`<dl class="terms">${TERMS.map(([term, meaning]) => html`<dt>${term}</dt><dd>${meaning}</dd>`)}</dl>`,
  );

/** What was compared, exactly, so that the report can be traced. */
export function provenance({ float, quantized, datasets, runtime }: Comparison): Markup {
  const model = ({ file, sha256 }: ModelEntry) => html`${file}${sha256 && html`<br>SHA-256 <code>${sha256}</code>`}`;
  return html`<footer><h2>What was compared</h2><dl class="terms"><dt>Float model</dt><dd>${model(float)}</dd><dt>Quantized model</dt><dd>${model(quantized)}</dd><dt>Interpreter</dt><dd>${runtime}</dd>${datasets.map(
    ({ signature, samples, kind, sources, preprocessing }) =>
      html`<dt>Samples${datasets.length > 1 && ` of ${signature}`}</dt><dd>${samples} of ${kind} from ${sources.join(', ') || 'a program'}${
        Object.keys(preprocessing).length > 0 && html`<br>prepared with <code>${JSON.stringify(preprocessing)}</code>`
      }</dd>`,
  )}</dl></footer>`;
}
