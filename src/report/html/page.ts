import type { Comparison } from '../../../schema/documents/comparison.ts';
import type { BaselineDifference } from '../baseline.ts';
import { plural } from '../format.ts';
import { layersOf, worstLayers } from '../ranking.ts';
import { type ChartPoint, errorChart } from './chart.ts';
import {
  floatOperatorSection,
  glossary,
  provenance,
  sampleSection,
  unmatchedSection,
  weightSection,
} from './details.ts';
import { layerTable } from './layers.ts';
import { html, Markup } from './markup.ts';
import { overview } from './overview.ts';
import { SCRIPT } from './script.ts';
import { accuracySection, baselineSection, gateSection, sizeSection } from './sections.ts';
import { STYLE } from './style.ts';
import { section } from './table.ts';

/**
 * The comparison as one HTML file that opens from disk: no request leaves it, and it is complete without its script.
 * Whatever comes from the models (names, paths) is escaped.
 */
export function reportHtml(comparison: Comparison, differences: readonly BaselineDifference[] = []): string {
  const { quantized, float } = comparison;
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">
<title>${fileName(quantized.file)} compared with ${fileName(float.file)}</title>
<style>${new Markup(STYLE)}</style>
</head>
<body>
<a class="skip" href="#layers-title">Skip to the layers</a>
<header>
<p class="muted">Quantization report</p>
<h1>${fileName(quantized.file)} ${verdict(comparison)}</h1>
<p class="muted">compared with ${fileName(float.file)} on ${plural(sampleCount(comparison), 'sample')} by ${comparison.runtime}</p>
</header>
<main>
${overview(comparison)}
${gateSection(comparison)}
${baselineSection(differences)}
${accuracySection(comparison)}
${sizeSection(comparison)}
${layerSection(comparison)}
${weightSection(comparison)}
${floatOperatorSection(comparison)}
${unmatchedSection(comparison)}
${sampleSection(comparison)}
${glossary()}
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
  if (failed === 0) return html`<span class="pill passed">${plural(gates.length, 'gate')} passed</span>`;
  return html`<span class="pill failed">${failed} of ${plural(gates.length, 'gate')} failed</span>`;
}

function layerSection(comparison: Comparison): Markup {
  const layers = layersOf(comparison);
  const points: ChartPoint[] = layers.map((layer, index) => ({ id: `layer-${index}`, layer }));
  const several = comparison.signatures.length > 1;
  const charts = comparison.signatures.map(({ key }) => {
    const inOrder = points
      .filter(({ layer }) => layer.signature === key)
      .sort((a, b) => (a.layer.tensor.position ?? -1) - (b.layer.tensor.position ?? -1));
    return html`${several && html`<h3>${key}</h3>`}${errorChart(inOrder)}`;
  });
  const order = new Map(worstLayers(layers).map((layer, index) => [layer, index]));
  const sorted = points.toSorted((a, b) => (order.get(a.layer) ?? 0) - (order.get(b.layer) ?? 0));
  const measured = comparison.operators.length > 0;
  return html`${section(
    'graph',
    'Error along the graph',
    html`<p class="muted">Higher is better. In the yellow band the error is more than a tenth of the signal, in the red one more than a third.</p>
<ul class="legend"><li><i class="dot" style="background:var(--arrives)"></i>arrives: everything before it is quantized too</li>${
      measured &&
      html`<li><i style="background:var(--adds)"></i>adds: this operator alone is quantized, on the float model’s values</li>`
    }</ul>
${charts}`,
  )}
${section(
  'layers-title',
  'Layers',
  html`<p class="muted">The worst come first. Choose a title to sort, a layer for its details.</p>
${layerTable(sorted, several, measured)}`,
)}`;
}
