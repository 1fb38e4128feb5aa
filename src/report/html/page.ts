import type { Comparison } from '../../../schema/documents/comparison.ts';
import type { BaselineDifference } from '../baseline.ts';
import { formatBytes, formatDb, formatNumber, formatShare, plural } from '../format.ts';
import { layersOf, worstLayers } from '../ranking.ts';
import { remarks } from '../remarks.ts';
import { type ChartPoint, errorChart } from './chart.ts';
import { layerTable } from './layers.ts';
import { html, Markup } from './markup.ts';
import { SCRIPT } from './script.ts';
import {
  accuracySection,
  baselineSection,
  floatOperatorSection,
  gateSection,
  provenance,
  sizeSection,
  unmatchedSection,
  weightSection,
} from './sections.ts';
import { STYLE } from './style.ts';

/**
 * The comparison as one HTML file that opens from disk: no request leaves it, and it is complete without its script.
 * Whatever comes from the models (names, paths) is escaped.
 */
export function reportHtml(comparison: Comparison, differences: readonly BaselineDifference[] = []): string {
  const notes = remarks(comparison);
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">
<title>${fileName(comparison.quantized.file)} compared with ${fileName(comparison.float.file)}</title>
<style>${new Markup(STYLE)}</style>
</head>
<body>
<header>
<h1>${fileName(comparison.quantized.file)} ${verdict(comparison)}</h1>
<p class="muted">compared with ${fileName(comparison.float.file)} on ${plural(sampleCount(comparison), 'sample')} by ${comparison.runtime}</p>
</header>
<main>
${cards(comparison)}
${notes.length > 0 && html`<ul class="remarks" aria-label="What to know about these numbers">${notes.map((note) => html`<li>${note}</li>`)}</ul>`}
${gateSection(comparison)}
${baselineSection(differences)}
${layerSection(comparison)}
${accuracySection(comparison)}
${sizeSection(comparison)}
${weightSection(comparison)}
${floatOperatorSection(comparison)}
${unmatchedSection(comparison)}
</main>
${provenance(comparison)}
<script>${new Markup(SCRIPT)}</script>
</body>
</html>
`;
  return page.text;
}

const fileName = (path: string) => path.split(/[\\/]/).at(-1) ?? path;

const sampleCount = ({ signatures }: Comparison) => signatures.reduce((sum, { samples }) => sum + samples, 0);

function verdict({ gates }: Comparison): Markup | false {
  if (gates.length === 0) return false;
  const failed = gates.filter(({ passed }) => !passed).length;
  if (failed === 0) return html`<span class="verdict passed">${plural(gates.length, 'gate')} passed</span>`;
  return html`<span class="verdict failed">${failed} of ${plural(gates.length, 'gate')} failed</span>`;
}

function cards({ float, quantized, signatures, classification }: Comparison): Markup {
  const outputs = signatures.flatMap(({ key, outputs: list }) =>
    list.map((output) => ({
      ...output,
      label: signatures.length > 1 ? `${key}: ${output.signatureName}` : output.signatureName,
    })),
  );
  const shown = outputs.toSorted((a, b) => rank(a.metrics.sqnrDb) - rank(b.metrics.sqnrDb)).slice(0, 4);
  return html`<div class="cards">
<div class="card"><b>${formatShare(quantized.sizeBytes / float.sizeBytes)}</b><span>of the size: ${formatBytes(float.sizeBytes)} → ${formatBytes(quantized.sizeBytes)}</span></div>
${shown.map(({ label, metrics }) => html`<div class="card"><b>${formatDb(metrics.sqnrDb)}${Number.isFinite(metrics.sqnrDb) && ' dB'}</b><span>output ${label}, cosine ${formatNumber(metrics.cosine)}</span></div>`)}
${outputs.length > shown.length && html`<div class="card"><b>${outputs.length - shown.length}</b><span>more outputs, all better than these</span></div>`}
${
  classification &&
  html`${
    classification.float &&
    classification.quantized &&
    html`<div class="card"><b>${formatShare(classification.quantized.top1)}</b><span>top-1 on ${plural(classification.labelled, 'labelled sample')}; the float model has ${formatShare(classification.float.top1)}</span></div>`
  }<div class="card"><b>${formatShare(classification.agreement)}</b><span>of ${plural(classification.compared, 'sample')} have the same first class</span></div>`
}
</div>`;
}

const rank = (db: number) => (Number.isNaN(db) ? -1e300 : Math.max(-1e299, Math.min(1e299, db)));

function layerSection(comparison: Comparison): Markup {
  const layers = layersOf(comparison);
  const points: ChartPoint[] = layers.map((layer, index) => ({ id: `layer-${index}`, layer }));
  const several = comparison.signatures.length > 1;
  const charts = comparison.signatures.map(({ key }) => {
    const inOrder = points
      .filter(({ layer }) => layer.signature === key)
      .sort((a, b) => (a.layer.tensor.position ?? -1) - (b.layer.tensor.position ?? -1));
    return html`${several && html`<h3>${key}</h3>`}<div class="scroll" tabindex="0" role="region" aria-label="Error along the graph">${errorChart(inOrder)}</div>`;
  });
  const order = new Map(worstLayers(layers).map((layer, index) => [layer, index]));
  const sorted = points.toSorted((a, b) => (order.get(a.layer) ?? 0) - (order.get(b.layer) ?? 0));
  const measured = comparison.operators.length > 0;
  return html`<section>
<h2>Error along the graph</h2>
<ul class="legend"><li><i style="background:var(--arrives);border-radius:50%"></i>arrives: everything before it is quantized too</li>${
    measured &&
    html`<li><i style="background:var(--adds)"></i>adds: this operator alone is quantized, on the float model's values</li>`
  }</ul>
${charts}
<h2>Layers</h2>
<p class="muted">Signal to noise ratio in dB: every 10 dB less is about three times the error; 20 dB is an error of a tenth of the signal. The worst come first.</p>
${layerTable(sorted, several)}
</section>`;
}
