import type { Comparison } from '../../../schema/documents/comparison.ts';
import { formatBytes, formatCosine, formatDb, formatPercent, formatShare, plural } from '../format.ts';
import { remarks } from '../remarks.ts';
import { verdictOf } from '../verdict.ts';
import { breakable, html, type Insertion, type Markup } from './markup.ts';

/** What somebody who reads nothing else should know: the verdict, the most important numbers, what to beware of. */
export function overview(comparison: Comparison): Markup {
  const { level, title, sentences } = verdictOf(comparison);
  const notes = remarks(comparison, { headline: false });
  return html`<section class="overview ${level}${comparison.gates.some(({ passed }) => !passed) && ' failing'}" aria-labelledby="in-short"><h2 id="in-short">${title}</h2>
<p>${sentences.join(' ')}</p>${
    notes.length > 0 &&
    html`<h3>What to know about these numbers</h3><ul class="remarks">${notes.map((note) => html`<li>${withFlags(sentence(note))}</li>`)}</ul>`
  }</section>
${cards(comparison)}`;
}

/** Flags of the command line as code that stays on one line. */
const withFlags = (text: string): Markup =>
  html`${text.split(/(--[\w-]+)/).map((part, index) => (index % 2 === 1 ? html`<code class="flag">${part}</code>` : breakable(part)))}`;

const sentence = (text: string) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;

/** `Output probs`; names that say so themselves stay as they are. */
function outputLabel(name: string, signature: string | undefined): string {
  const label = /output/i.test(name) ? name : `Output ${name}`;
  return signature === undefined ? label : `${label} of ${signature}`;
}

/** Output cards that are shown; the worst ones. */
const MOST_OUTPUTS = 4;

function cards({ float, quantized, signatures, classification }: Comparison): Markup {
  const outputs = signatures.flatMap(({ key, outputs: list }) =>
    list.map((output) => ({
      ...output,
      label: outputLabel(output.signatureName ?? output.name, signatures.length > 1 ? key : undefined),
    })),
  );
  const shown = outputs.toSorted((a, b) => rank(a.metrics.sqnrDb) - rank(b.metrics.sqnrDb)).slice(0, MOST_OUTPUTS);
  return html`<dl class="cards">
${card('Size', formatPercent(quantized.sizeBytes / float.sizeBytes), `${formatBytes(float.sizeBytes)} → ${formatBytes(quantized.sizeBytes)}`)}
${
  classification?.float &&
  classification.quantized &&
  card(
    'Accuracy (top-1)',
    formatShare(classification.quantized.top1),
    `float model ${formatShare(classification.float.top1)}, ${plural(classification.labelled, 'labelled sample')}`,
  )
}
${classification && card('Same first class', formatShare(classification.agreement), `of ${plural(classification.compared, 'sample')}`)}
${shown.map(({ label, metrics }) =>
  card(
    label,
    `${formatDb(metrics.sqnrDb)}${Number.isFinite(metrics.sqnrDb) ? ' dB' : ''}`,
    `cosine ${formatCosine(metrics.cosine)}`,
  ),
)}
${outputs.length > shown.length && card('More outputs', String(outputs.length - shown.length), 'all better than these')}
</dl>`;
}

const card = (title: string, value: string, note: Insertion): Markup =>
  html`<div class="card"><dt>${title}</dt><dd><b>${value}</b> <span>${note}</span></dd></div>`;

const rank = (db: number) => (Number.isNaN(db) ? -1e300 : Math.max(-1e299, Math.min(1e299, db)));
