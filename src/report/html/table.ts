import { displayName } from '../format.ts';
import { breakable, html, type Insertion, type Markup } from './markup.ts';

/** The title of a column; numbers are aligned to the right. */
export interface Column {
  readonly text: string;
  readonly number?: boolean;
}

export const numberColumn = (text: string): Column => ({ text, number: true });
export const textColumn = (text: string): Column => ({ text });

/**
 * A table with a title for each column. On narrow screens each row becomes a block of lines with the titles in front; the
 * roles keep it a table for screen readers then.
 */
export function simpleTable(titles: readonly Column[], rows: readonly (readonly Insertion[])[], label: string): Markup {
  const kind = (index: number) => (titles[index]?.number ? 'number' : '');
  const cell = (value: Insertion, index: number) =>
    index === 0
      ? html`<th scope="row" role="rowheader" class="${kind(index)}">${value}</th>`
      : html`<td role="cell" class="${kind(index)}" data-label="${titles[index]?.text}"><span>${value}</span></td>`;
  return html`<div class="frame"><table class="simple" role="table" aria-label="${label}"><thead role="rowgroup"><tr role="row">${titles.map(
    ({ text }, index) => html`<th scope="col" role="columnheader" class="${kind(index)}">${text}</th>`,
  )}</tr></thead><tbody role="rowgroup">${rows.map(
    (cells) => html`<tr role="row">${cells.map(cell)}</tr>`,
  )}</tbody></table></div>`;
}

/** A name, shortened; all of it shows when pointed at. */
export const name = (text: string): Markup =>
  html`<span class="name" title="${text}">${breakable(displayName(text, 90))}</span>`;

/** A section with a heading that links can name. */
export const section = (id: string, title: string, ...content: readonly Insertion[]): Markup =>
  html`<section aria-labelledby="${id}"><h2 id="${id}">${title}</h2>${content}</section>`;
