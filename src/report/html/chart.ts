import type { Distribution } from '../../../schema/documents/comparison.ts';
import { displayName, formatDb, formatNumber } from '../format.ts';
import type { Layer } from '../ranking.ts';
import { html, type Markup } from './markup.ts';

const WIDTH = 1000;
const HEIGHT = 280;
const LEFT = 46;
const RIGHT = 12;
const TOP = 14;
const BOTTOM = 34;

/** A layer with the id of its row in the table. */
export interface ChartPoint {
  readonly id: string;
  readonly layer: Layer;
}

/**
 * Error along the graph: the SQNR that arrives at each tensor as a line, what each operator adds by itself as dots, in the
 * order of computation. Points link to the rows of the table.
 */
export function errorChart(points: readonly ChartPoint[]): Markup {
  const values = points.flatMap(({ layer }) => [layer.tensor.metrics.sqnrDb, layer.injected?.metrics?.sqnrDb]);
  const finite = values.filter((value): value is number => value !== undefined && Number.isFinite(value));
  const top = Math.max(40, Math.ceil(Math.max(0, ...finite) / 10) * 10);
  const capped = Math.min(top, 80);
  const bottom = Math.max(-20, Math.min(0, Math.floor(Math.min(0, ...finite) / 10) * 10));
  const x = (index: number) => LEFT + ((index + 0.5) / Math.max(1, points.length)) * (WIDTH - LEFT - RIGHT);
  const y = (db: number) => {
    const clamped = Number.isNaN(db) ? bottom : Math.max(bottom, Math.min(capped, db));
    return TOP + ((capped - clamped) / (capped - bottom)) * (HEIGHT - TOP - BOTTOM);
  };
  const line = points
    .map(
      ({ layer }, index) =>
        `${index === 0 ? 'M' : 'L'}${x(index).toFixed(1)} ${y(layer.tensor.metrics.sqnrDb).toFixed(1)}`,
    )
    .join('');
  return html`<svg class="chart" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="Signal to noise ratio in dB of every tensor in the order of computation. The table below has the same numbers.">
${gridLines(bottom, capped, y)}
<path class="arrives" d="${line}"/>
${points.map((point, index) => mark(point, x(index), y))}
<text class="axis" x="${LEFT}" y="${HEIGHT - 8}">input</text>
<text class="axis" x="${WIDTH - RIGHT}" y="${HEIGHT - 8}" text-anchor="end">output</text>
</svg>`;
}

function gridLines(bottom: number, top: number, y: (db: number) => number): Markup[] {
  const lines: Markup[] = [];
  for (let db = bottom; db <= top; db += 10) {
    const at = y(db).toFixed(1);
    lines.push(
      html`<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${at}" y2="${at}"/><text class="axis" x="${LEFT - 8}" y="${at}" dy="4" text-anchor="end">${db}${db === top && ' dB'}</text>`,
    );
  }
  return lines;
}

function mark({ id, layer }: ChartPoint, x: number, y: (db: number) => number): Markup {
  const { tensor, injected } = layer;
  const arriving = tensor.metrics.sqnrDb;
  const added = injected?.metrics?.sqnrDb;
  const label = `${displayName(tensor.name, 80)} (${tensor.operator ?? 'input'}): arrives ${formatDb(arriving)} dB, adds ${formatDb(added)} dB`;
  return html`<a href="#${id}" tabindex="-1"><title>${label}</title><circle class="arriving" cx="${x.toFixed(1)}" cy="${y(arriving).toFixed(1)}" r="3"/>${
    added !== undefined &&
    html`<rect class="adding" x="${(x - 3).toFixed(1)}" y="${(y(added) - 3).toFixed(1)}" width="6" height="6"/>`
  }</a>`;
}

const BAR_WIDTH = 6;
const BAR_HEIGHT = 90;
const MARGIN = 16;

/** How the values of a tensor are spread, with the values that the codes can express shaded. Counts on a square root scale. */
export function distributionChart(distribution: Distribution): Markup {
  const { least, greatest, counts, expressible } = distribution;
  const width = counts.length * BAR_WIDTH;
  const span = greatest - least || 1;
  const most = Math.sqrt(Math.max(1, ...counts));
  const bars = counts
    .map((count, index) => {
      const height = (Math.sqrt(count) / most) * BAR_HEIGHT;
      return count === 0
        ? ''
        : `M${index * BAR_WIDTH} ${BAR_HEIGHT}v${(-Math.max(1, height)).toFixed(1)}h${BAR_WIDTH - 1}V${BAR_HEIGHT}z`;
    })
    .join('');
  const at = (value: number) => Math.max(-MARGIN, Math.min(width + MARGIN, ((value - least) / span) * width));
  const from = expressible === null ? 0 : at(expressible.least);
  const to = expressible === null ? 0 : at(expressible.greatest);
  const label = `values from ${formatNumber(least)} to ${formatNumber(greatest)}${
    expressible === null
      ? ''
      : `, codes from ${formatNumber(expressible.least)} to ${formatNumber(expressible.greatest)}`
  }`;
  return html`<figure class="distribution"><svg viewBox="${-MARGIN} -4 ${width + 2 * MARGIN} ${BAR_HEIGHT + 8}" role="img" aria-label="Distribution of ${label}">${
    expressible !== null &&
    html`<rect class="codes" x="${from.toFixed(1)}" y="-4" width="${Math.max(1, to - from).toFixed(1)}" height="${BAR_HEIGHT + 4}"/>`
  }<path class="bars" d="${bars}"/><line class="grid" x1="${-MARGIN}" x2="${width + MARGIN}" y1="${BAR_HEIGHT}" y2="${BAR_HEIGHT}"/></svg><figcaption>${label}</figcaption></figure>`;
}
