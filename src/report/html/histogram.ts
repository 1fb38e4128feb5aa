import type { Distribution } from '../../../schema/documents/comparison.ts';
import { formatNumber, formatShare } from '../format.ts';
import { html, type Markup } from './markup.ts';

const WIDTH = 336;
const HEIGHT = 96;
const MARGIN = 14;
const LABELS = 34;

/**
 * How the values of a tensor are spread, with the range that its codes can express. What lies outside of it has another
 * colour. Counts on a logarithmic scale, because the few values far out are what matters here.
 */
export function distributionChart(distribution: Distribution, clippedShare: number | null): Markup {
  const { least, greatest, counts, expressible } = distribution;
  const span = greatest - least || 1;
  const step = WIDTH / counts.length;
  const top = Math.log1p(Math.max(1, ...counts));
  const outside = (index: number) => {
    const middle = least + ((index + 0.5) / counts.length) * span;
    return expressible !== null && (middle < expressible.least || middle > expressible.greatest);
  };
  const bars = (chosen: (index: number) => boolean) =>
    counts
      .map((count, index) => {
        if (count === 0 || !chosen(index)) return '';
        const height = Math.max(1, (Math.log1p(count) / top) * HEIGHT);
        return `M${(index * step).toFixed(1)} ${HEIGHT}v${(-height).toFixed(1)}h${(step - 1).toFixed(1)}V${HEIGHT}z`;
      })
      .join('');
  const at = (value: number) => Math.max(-MARGIN, Math.min(WIDTH + MARGIN, ((value - least) / span) * WIDTH));
  const caption = captionOf(distribution, clippedShare);
  return html`<figure class="distribution"><svg viewBox="${-MARGIN} -4 ${WIDTH + 2 * MARGIN} ${HEIGHT + LABELS + 4}" role="img" aria-label="Distribution: ${caption}">${
    expressible !== null && codes(at(expressible.least), at(expressible.greatest))
  }<path class="bars" d="${bars((index) => !outside(index))}"/><path class="bars outside" d="${bars(outside)}"/><line class="grid" x1="${-MARGIN}" x2="${WIDTH + MARGIN}" y1="${HEIGHT}" y2="${HEIGHT}"/>${tick(0, 'start', formatNumber(least))}${
    least < 0 && greatest > 0 && zeroTick(at(0))
  }${tick(WIDTH, 'end', formatNumber(greatest))}<text class="axis" x="${WIDTH / 2}" y="${HEIGHT + 28}" text-anchor="middle">value (number of values on a log scale)</text></svg><figcaption>${caption}</figcaption></figure>`;
}

/** The range of the codes, shaded, with its ends as lines. */
const codes = (from: number, to: number): Markup =>
  html`<rect class="codes" x="${from.toFixed(1)}" y="-4" width="${Math.max(1, to - from).toFixed(1)}" height="${HEIGHT + 4}"/>${[
    from,
    to,
  ].map((x) => html`<line class="limit" x1="${x.toFixed(1)}" x2="${x.toFixed(1)}" y1="-4" y2="${HEIGHT}"/>`)}`;

const tick = (x: number, anchor: string, text: string): Markup =>
  html`<text class="axis" x="${x.toFixed(1)}" y="${HEIGHT + 13}" text-anchor="${anchor}">${text}</text>`;

/** Zero is marked where its label does not touch those of the ends. */
const zeroTick = (x: number): Markup | false => x > 60 && x < WIDTH - 60 && tick(x, 'middle', '0');

function captionOf({ least, greatest, expressible }: Distribution, clippedShare: number | null): string {
  const values = `Values from ${formatNumber(least)} to ${formatNumber(greatest)}`;
  if (expressible === null) return `${values}.`;
  const reach = `${values}; the codes reach from ${formatNumber(expressible.least)} to ${formatNumber(expressible.greatest)}`;
  return clippedShare ? `${reach}, ${formatShare(clippedShare)} of the values lie outside.` : `${reach}.`;
}
