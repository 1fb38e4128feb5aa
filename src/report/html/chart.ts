import { displayName, formatDb } from '../format.ts';
import type { Layer } from '../ranking.ts';
import { errorShare, POOR_DB, UNUSABLE_DB } from '../verdict.ts';
import { html, type Markup } from './markup.ts';

/** A layer with the id of its row in the table. */
export interface ChartPoint {
  readonly id: string;
  readonly layer: Layer;
}

/** Size of a drawing and of the margins that hold its axes, in its own units. */
interface Frame {
  readonly width: number;
  readonly height: number;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

const WIDE: Frame = { width: 1000, height: 330, left: 62, right: 66, top: 16, bottom: 40 };
const NARROW: Frame = { width: 360, height: 300, left: 44, right: 46, top: 14, bottom: 34 };

interface Scale {
  readonly frame: Frame;
  readonly least: number;
  readonly most: number;
  readonly x: (index: number) => number;
  readonly y: (db: number) => number;
}

/** Levels beyond these tell nothing more: better is invisible, worse is broken. */
const MOST_DB = 80;
const LEAST_DB = -20;

/**
 * Error along the graph: the SQNR that arrives at each tensor as a line, what each operator adds by itself as squares, in
 * the order of computation. On wide screens points link to the rows of the table; narrow screens get a drawing of their own.
 */
export function errorChart(points: readonly ChartPoint[]): Markup {
  const wide = scaleOf(WIDE, points);
  const narrow = scaleOf(NARROW, points);
  return html`<figure class="chart">${drawing(wide, 'wide', points, html`${points.map((point, index) => mark(point, index, wide))}`)}${drawing(narrow, 'slim', points, plainMarks(points, narrow))}</figure>`;
}

function scaleOf(frame: Frame, points: readonly ChartPoint[]): Scale {
  const values = points.flatMap(({ layer }) => [layer.tensor.metrics.sqnrDb, layer.injected?.metrics?.sqnrDb]);
  const finite = values.filter((value): value is number => value !== undefined && Number.isFinite(value));
  const most = Math.min(MOST_DB, Math.max(40, Math.ceil(Math.max(0, ...finite) / 10) * 10));
  const least = Math.max(LEAST_DB, Math.floor(Math.min(0, ...finite) / 10) * 10);
  const { width, height, left, right, top, bottom } = frame;
  return {
    frame,
    least,
    most,
    x: (index) => left + ((index + 0.5) / Math.max(1, points.length)) * (width - left - right),
    y: (db) => {
      const clamped = Number.isNaN(db) ? least : Math.max(least, Math.min(most, db));
      return top + ((most - clamped) / (most - least)) * (height - top - bottom);
    },
  };
}

function drawing(scale: Scale, name: string, points: readonly ChartPoint[], marks: Markup): Markup {
  const { width, height } = scale.frame;
  return html`<svg class="${name}" viewBox="0 0 ${width} ${height}" role="${name === 'wide' ? 'group' : 'img'}" aria-label="Signal to noise ratio in dB of ${points.length} values in the order of computation: what arrives, and what each operator adds. The table of layers has the same numbers.">
${axes(scale)}<path class="arrives" d="${line(points, scale)}"/>${marks}
</svg>`;
}

/** The line breaks where a value is exact: there is no error to draw. */
function line(points: readonly ChartPoint[], { x, y }: Scale): string {
  let broken = true;
  return points
    .map(({ layer }, index) => {
      const db = layer.tensor.metrics.sqnrDb;
      if (db === Number.POSITIVE_INFINITY) {
        broken = true;
        return '';
      }
      const step = `${broken ? 'M' : 'L'}${x(index).toFixed(1)} ${y(db).toFixed(1)}`;
      broken = false;
      return step;
    })
    .join('');
}

function axes({ frame, least, most, y }: Scale): Markup {
  const { width, height, left, right, top, bottom } = frame;
  const end = width - right;
  const band = (from: number, to: number, level: string) =>
    to > from &&
    html`<rect class="band ${level}" x="${left}" y="${y(to).toFixed(1)}" width="${end - left}" height="${(y(from) - y(to)).toFixed(1)}"/>`;
  const levels = Array.from({ length: (most - least) / 10 + 1 }, (_, i) => least + 10 * i);
  const middle = (top + height - bottom) / 2;
  const title = (at: number, turn: number, text: string) =>
    html`<text class="axis title" text-anchor="middle" transform="translate(${at} ${middle}) rotate(${turn})">${text}</text>`;
  return html`${band(least, UNUSABLE_DB, 'bad')}${band(UNUSABLE_DB, POOR_DB, 'poor')}${levels.map((db) => {
    const at = y(db).toFixed(1);
    const share = db % 20 === 0 && html`<text class="axis" x="${end + 6}" y="${at}" dy="4">${errorShare(db)}</text>`;
    return html`<line class="grid" x1="${left}" x2="${end}" y1="${at}" y2="${at}"/><text class="axis" x="${left - 6}" y="${at}" dy="4" text-anchor="end">${db}</text>${share}`;
  })}${title(13, -90, 'SQNR, dB')}${title(width - 8, 90, 'error of the signal')}<text class="axis" x="${left}" y="${height - bottom + 18}">input</text><text class="axis title" x="${(left + end) / 2}" y="${height - bottom + 30}" text-anchor="middle">order of computation</text><text class="axis" x="${end}" y="${height - bottom + 18}" text-anchor="end">output</text>`;
}

function mark({ id, layer }: ChartPoint, index: number, { x, y }: Scale): Markup {
  const { tensor, injected } = layer;
  const arriving = tensor.metrics.sqnrDb;
  const added = injected?.metrics?.sqnrDb;
  const label = `${displayName(tensor.name, 80)} (${tensor.operator ?? 'input'}): arrives ${formatDb(arriving)} dB, adds ${formatDb(added)} dB`;
  return html`<a href="#${id}" tabindex="-1"><title>${label}</title><circle class="arriving" cx="${x(index).toFixed(1)}" cy="${y(arriving).toFixed(1)}" r="3"/>${
    added !== undefined &&
    html`<rect class="adding" x="${(x(index) - 3).toFixed(1)}" y="${(y(added) - 3).toFixed(1)}" width="6" height="6"/>`
  }</a>`;
}

/** The same marks without links, in two paths. */
function plainMarks(points: readonly ChartPoint[], { x, y }: Scale): Markup {
  const squares = (size: number, value: (layer: Layer) => number | undefined) =>
    points
      .map(({ layer }, index) => {
        const db = value(layer);
        if (db === undefined) return '';
        return `M${(x(index) - size / 2).toFixed(1)} ${(y(db) - size / 2).toFixed(1)}h${size}v${size}h-${size}z`;
      })
      .join('');
  return html`<path class="arriving" d="${squares(3, ({ tensor }) => tensor.metrics.sqnrDb)}"/><path class="adding" d="${squares(4, ({ injected }) => injected?.metrics?.sqnrDb)}"/>`;
}
