import type { Metrics, TensorComparison } from '../../../schema/documents/comparison.ts';
import { displayName, formatCosine, formatDb, formatNumber, formatShare, plural } from '../format.ts';
import type { Layer } from '../ranking.ts';
import { POOR_DB, UNUSABLE_DB } from '../verdict.ts';
import type { ChartPoint } from './chart.ts';
import { distributionChart } from './histogram.ts';
import { breakable, html, type Markup } from './markup.ts';

/** A column of the layer table. Numbers sort by `key`, the worst first at the first click. */
interface Column {
  readonly title: string;
  readonly help: string;
  readonly cell: (layer: Layer) => Markup | string;
  readonly key: (layer: Layer) => number | string;
  /** Whether the worst value is the lowest. */
  readonly lowFirst: boolean;
  readonly numeric: boolean;
  /** Left out on narrow screens. */
  readonly minor?: boolean;
}

const metric = (
  title: string,
  help: string,
  value: (metrics: Metrics) => number | null,
  format: (value: number | null) => string,
  lowFirst: boolean,
  minor = false,
): Column => ({
  title,
  help,
  cell: ({ tensor }) => format(value(tensor.metrics)),
  key: ({ tensor }) => value(tensor.metrics) ?? (lowFirst ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY),
  lowFirst,
  numeric: true,
  minor,
});

const COLUMNS: readonly Column[] = [
  {
    title: '#',
    help: 'position in the order of computation',
    cell: ({ tensor }) => String(tensor.position ?? 'in'),
    key: ({ tensor }) => tensor.position ?? -1,
    lowFirst: true,
    numeric: true,
    minor: true,
  },
  {
    title: 'Operator',
    help: 'what makes the value',
    cell: ({ tensor }) => tensor.operator ?? 'input',
    key: ({ tensor }) => tensor.operator ?? 'input',
    lowFirst: true,
    numeric: false,
    minor: true,
  },
  {
    title: 'Type',
    help: 'how the quantized model stores it',
    cell: ({ tensor }) => tensor.quantized.type,
    key: ({ tensor }) => tensor.quantized.type,
    lowFirst: true,
    numeric: false,
    minor: true,
  },
  {
    title: 'Adds dB',
    help: 'signal to noise ratio when this operator alone is quantized: lower is worse',
    cell: ({ injected }) => decibel(injected?.metrics?.sqnrDb),
    key: ({ injected }) => injected?.metrics?.sqnrDb ?? Number.POSITIVE_INFINITY,
    lowFirst: true,
    numeric: true,
  },
  {
    title: 'Arrives dB',
    help: 'signal to noise ratio with everything before it quantized: lower is worse',
    cell: ({ tensor }) => decibel(tensor.metrics.sqnrDb),
    key: ({ tensor }) => tensor.metrics.sqnrDb,
    lowFirst: true,
    numeric: true,
  },
  metric(
    'Cosine',
    'similarity of direction',
    (m) => m.cosine,
    (value) => formatCosine(value ?? Number.NaN),
    true,
    true,
  ),
  metric('MSE', 'mean squared error', (m) => m.mse, formatNumber, false, true),
  metric(
    'Error/scale',
    'root of the MSE in steps of the codes; 0.29 is rounding alone',
    (m) => m.errorOverScale,
    formatNumber,
    false,
    true,
  ),
  metric(
    'Clipped',
    'share of values outside of what the codes can express',
    (m) => m.clippedShare,
    formatShare,
    false,
    true,
  ),
];

/** A level that colours a number: the number itself says the same. */
function decibel(value: number | undefined): Markup | string {
  if (value === undefined) return '–';
  const level = Number.isNaN(value) || value < UNUSABLE_DB ? 'bad' : value < POOR_DB ? 'poor' : '';
  return html`<span class="${level}">${formatDb(value)}</span>`;
}

/** Rows that the script shows at first; the button below the table shows all. */
const FIRST_ROWS = 25;

/**
 * The table of all layers, worst first, each with a row of details below it, and the controls to sort and filter it.
 * @param measured whether operators were run alone, so that the rows are in the order of what they add
 */
export function layerTable(points: readonly ChartPoint[], severalSignatures: boolean, measured: boolean): Markup {
  const sortedBy = COLUMNS.findIndex(({ title }) => title === (measured ? 'Adds dB' : 'Arrives dB'));
  const operators = [...new Set(points.map(({ layer }) => layer.tensor.operator ?? 'input'))].sort();
  return html`<form class="controls" role="search">
<label>Filter <input type="search" id="filter" placeholder="name, operator or type" autocomplete="off"></label>
<label>Operator <select id="operator"><option value="">all</option>${operators.map((name) => html`<option>${name}</option>`)}</select></label>
<label class="check"><input type="checkbox" id="inexact"> hide exact ones</label>
<output id="shown" role="status" for="filter operator inexact">${plural(points.length, 'layer')}</output>
</form>
<div class="scroll" tabindex="0" role="region" aria-label="Table of layers">
<table id="layers" data-first-rows="${FIRST_ROWS}">
<caption class="unseen">Error of each layer; the buttons in the titles sort, the button in a row opens its details</caption>
<thead><tr><th scope="col"><button type="button" data-column="0" data-first="up">Layer</button></th>${COLUMNS.map(
    ({ title, help, lowFirst, numeric, minor }, index) =>
      html`<th scope="col" class="${numeric && 'number'}${minor && ' minor'}" title="${help}"${index === sortedBy && html` aria-sort="ascending"`}><button type="button" data-column="${index + 1}" data-first="${lowFirst ? 'up' : 'down'}">${title}</button></th>`,
  )}</tr></thead>
${points.map((point) => layerRows(point, severalSignatures))}
</table>
</div>
<p class="controls"><button type="button" id="all" hidden>Show all layers</button></p>
<p class="paper muted" id="rest" hidden>The other layers are in the file itself.</p>`;
}

function layerRows({ id, layer }: ChartPoint, severalSignatures: boolean): Markup {
  const { tensor, signature } = layer;
  const name = tensor.signatureName ?? tensor.name;
  const text = `${signature} ${name} ${tensor.name} ${tensor.operator ?? 'input'} ${tensor.quantized.type} ${tensor.role}`;
  const exact = tensor.metrics.sqnrDb === Number.POSITIVE_INFINITY;
  const keys = [name, ...COLUMNS.map(({ key }) => key(layer))];
  return html`<tbody id="${id}" data-text="${text.toLowerCase()}" data-operator="${tensor.operator ?? 'input'}" data-exact="${String(exact)}" data-keys="${JSON.stringify(keys.map(sortable))}"><tr><th scope="row"><button type="button" class="more" aria-expanded="false" aria-controls="${id}-more"><span class="name" title="${name}">${breakable(displayName(name, 90))}</span></button><span class="narrow">${tensor.operator} ${tensor.quantized.type}</span>${
    tensor.role !== 'intermediate' && html`<span class="tag">${tensor.role}</span>`
  }${severalSignatures && html`<span class="tag">${signature}</span>`}</th>${COLUMNS.map(
    ({ cell, numeric, minor }) => html`<td class="${numeric && 'number'}${minor && ' minor'}">${cell(layer)}</td>`,
  )}</tr><tr class="details" id="${id}-more" hidden><td colspan="${COLUMNS.length + 1}">${details(layer)}</td></tr></tbody>`;
}

/** JSON has no infinities: numbers that sort as they do. NaN comes before everything. */
function sortable(key: number | string): number | string {
  if (typeof key === 'string') return key.toLowerCase();
  if (Number.isNaN(key)) return -1e300;
  return Math.max(-1e299, Math.min(1e299, key));
}

function details({ tensor, injected }: Layer): Markup {
  const facts: [string, string | undefined][] = [
    ['Tensor', tensor.name],
    ['Shape', `[${tensor.shape.join(', ')}]`],
    ['Quantized tensor', tensor.quantized.name === tensor.name ? undefined : tensor.quantized.name],
    ['Scale and zero point', scaleText(tensor)],
    ['Range from', tensor.rangeReason],
    ['Matched by', tensor.matchedBy],
    ['Computes in', injected?.mode],
    ['Not measured alone', injected?.problem],
    ['Greatest error', formatNumber(tensor.metrics.maxAbsoluteError)],
    ['Mean error', formatNumber(tensor.metrics.meanError)],
    ['Median relative difference', formatShare(tensor.metrics.medianRelativeDifference)],
    ['KL divergence', tensor.metrics.kl === null ? undefined : `${formatNumber(tensor.metrics.kl)} nats`],
    [
      'Differing elements',
      tensor.metrics.differingShare === null ? undefined : formatShare(tensor.metrics.differingShare),
    ],
    ['Clipped', tensor.metrics.clippedShare === null ? undefined : formatShare(tensor.metrics.clippedShare)],
    ['Cosine', formatCosine(tensor.metrics.cosine)],
    [
      'Worst sample',
      tensor.worstSamples[0] && `${tensor.worstSamples[0].name} (${formatDb(tensor.worstSamples[0].sqnrDb)} dB)`,
    ],
    [
      'Worst channel',
      tensor.worstChannel ? `${tensor.worstChannel.channel} (${formatDb(tensor.worstChannel.sqnrDb)} dB)` : undefined,
    ],
    ['NaN or infinite', nonFiniteText(tensor.metrics)],
  ];
  const shown = facts.filter((fact): fact is [string, string] => fact[1] !== undefined);
  return html`<div class="more-of-it"><dl>${shown.map(([term, value]) => html`<div><dt>${term}</dt><dd>${breakable(value)}</dd></div>`)}</dl>${
    tensor.distribution && distributionChart(tensor.distribution, tensor.metrics.clippedShare)
  }</div>`;
}

const scaleText = ({ quantized }: TensorComparison): string | undefined =>
  quantized.scale === null ? undefined : `${formatNumber(quantized.scale)}, ${quantized.zeroPoint}`;

function nonFiniteText({ floatNonFinite, quantizedNonFinite }: Metrics): string | undefined {
  const count = (of: Metrics['floatNonFinite']) => of.nan + of.infinite;
  if (count(floatNonFinite) + count(quantizedNonFinite) === 0) return undefined;
  return `${count(floatNonFinite)} in the float model, ${count(quantizedNonFinite)} in the quantized one`;
}
