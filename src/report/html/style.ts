import { COLORS } from './colors.ts';

const PAGE = `
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0 auto; max-width: 78rem; padding: 1.5rem 1.25rem 4rem; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
h1 { display: flex; flex-wrap: wrap; gap: .25rem .75rem; align-items: center; font-size: 1.75rem; line-height: 1.25; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; line-height: 1.3; margin: 2.5rem 0 .5rem; }
h3 { font-size: 1rem; margin: 1rem 0 .25rem; }
p { margin: .5rem 0; max-width: 75ch; }
header p { margin: 0 0 .25rem; }
a { color: var(--arrives); }
code { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: .92em; overflow-wrap: anywhere; }
:focus-visible { outline: 3px solid var(--arrives); outline-offset: 2px; border-radius: 3px; }
.muted, .axis, figcaption { color: var(--muted); }
.skip { position: absolute; left: -100rem; }
.skip:focus { left: 1rem; top: .5rem; background: var(--paper); padding: .25rem .5rem; z-index: 2; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.overview { border-left: 5px solid var(--good); border-radius: 6px; background: var(--good-back); margin: 1.25rem 0; padding: .75rem 1.1rem; }
.overview h2 { margin: 0; color: var(--good); }
.overview p { font-size: 1.05rem; }
.overview.near, .overview.different, .overview.failing { background: var(--poor-back); border-color: var(--poor); }
.overview.near h2, .overview.different h2, .overview.failing h2 { color: var(--poor); }
.overview.unusable { background: var(--bad-back); border-color: var(--bad); }
.overview.unusable h2 { color: var(--bad); }
.remarks { margin: .25rem 0; padding-left: 1.2rem; }
.remarks li { margin: .25rem 0; max-width: 85ch; overflow-wrap: anywhere; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); gap: .75rem; margin: 1.25rem 0; }
.card { background: var(--panel); border: 1px solid var(--line); border-radius: 8px; padding: .65rem .9rem; min-width: 0; }
.card dt, .card span { color: var(--muted); font-size: .87rem; overflow-wrap: anywhere; }
.card dd { margin: 0; }
.card b { display: block; font-size: 1.5rem; line-height: 1.25; font-variant-numeric: tabular-nums; }
.pill { display: inline-block; border-radius: 999px; padding: .05rem .7rem; font-weight: 600; font-size: .9rem; line-height: 1.5; white-space: nowrap; }
.pill.passed { background: var(--good-back); color: var(--good); }
.pill.failed { background: var(--bad-back); color: var(--bad); }
.terms { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .35rem 1.25rem; margin: .5rem 0; }
.terms dt { font-weight: 600; }
.terms dd { max-width: 80ch; overflow-wrap: anywhere; }
dd { margin: 0; }
details { margin: .75rem 0; }
summary { cursor: pointer; font-weight: 600; }
details .frame { margin-top: .5rem; }
footer { border-top: 1px solid var(--line); color: var(--muted); font-size: .87rem; margin-top: 3rem; }
footer h2 { font-size: 1rem; margin: 1rem 0 .5rem; }
`;

const TABLES = `
.scroll { overflow-x: auto; }
.scroll, .frame { border: 1px solid var(--line); border-radius: 8px; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
th, td { padding: .4rem .65rem; text-align: left; border-bottom: 1px solid var(--line); vertical-align: top; }
tbody:last-child tr:not(.details):last-of-type > *, .simple tr:last-child > * { border-bottom-color: transparent; }
thead th { background: var(--panel); font-weight: 600; white-space: nowrap; vertical-align: bottom; }
th[scope=row] { font-weight: 400; overflow-wrap: anywhere; }
#layers th[scope=row] { min-width: 15rem; overflow-wrap: normal; }
td, .number { font-variant-numeric: tabular-nums; }
.number, thead .number { text-align: right; white-space: nowrap; }
.frame { width: fit-content; min-width: min(100%, 42rem); max-width: 100%; overflow: hidden; }
.flag { white-space: nowrap; }
.simple .number { padding-left: 1.5rem; }
.bad, .poor { border-radius: 4px; padding: .05rem .35rem; margin-right: -.35rem; font-weight: 600; }
.bad { background: var(--bad-back); color: var(--bad); }
.poor { background: var(--poor-back); color: var(--poor); }
.narrow { display: none; color: var(--muted); font-size: .9em; }
.tag { border: 1px solid var(--line); border-radius: 4px; color: var(--muted); font-size: .78rem; margin-left: .4rem; padding: 0 .3rem; white-space: nowrap; }
thead button, .more { background: none; border: 0; color: inherit; cursor: pointer; font: inherit; margin: 0; padding: 0; text-align: inherit; }
thead button::after { content: "\\2195"; color: var(--muted); font-size: .8em; margin-left: .3em; }
th[aria-sort=ascending] button::after { content: "\\2191"; color: inherit; }
th[aria-sort=descending] button::after { content: "\\2193"; color: inherit; }
.more { display: inline-flex; }
.more::before { content: "\\25B8"; color: var(--muted); flex: 0 0 1.1em; }
.more[aria-expanded=true]::before { content: "\\25BE"; }
tbody:target > tr:first-child > * { background: var(--codes); }
#layers tbody:hover > tr:first-child > * { background: var(--panel); }
.details > td { background: var(--panel); }
.more-of-it { display: flex; flex-wrap: wrap; gap: 1rem 2rem; align-items: flex-start; }
.more-of-it dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr)); gap: .5rem 1.25rem; flex: 1 1 24rem; margin: .25rem 0; }
.more-of-it dt { color: var(--muted); font-size: .82rem; }
.more-of-it dd { overflow-wrap: anywhere; }
.controls { display: none; flex-wrap: wrap; gap: .5rem 1rem; align-items: center; margin: 0 0 .75rem; }
p.controls { margin: .75rem 0; }
.script .controls { display: flex; }
.controls input[type=search], .controls select, .controls button { background: var(--paper); border: 1px solid var(--muted); border-radius: 6px; color: inherit; font: inherit; padding: .3rem .6rem; max-width: 100%; }
.controls button { cursor: pointer; }
.controls input[type=search] { min-width: 14rem; }
.controls output { color: var(--muted); }
[hidden], .paper { display: none !important; }
`;

const DRAWINGS = `
figure { margin: .25rem 0; }
figcaption { font-size: .82rem; }
svg { display: block; width: 100%; height: auto; }
svg .grid { stroke: var(--line); stroke-width: 1; }
svg .axis { fill: var(--muted); font-size: 12px; }
.chart { border: 1px solid var(--line); border-radius: 8px; padding: .25rem; }
.chart .slim { display: none; }
.chart .band { opacity: .7; }
.chart .band.bad { fill: var(--bad-back); }
.chart .band.poor { fill: var(--poor-back); }
.chart .arrives { fill: none; stroke: var(--arrives); stroke-width: 1.5; opacity: .55; }
.chart .arriving { fill: var(--arrives); }
.chart .adding { fill: var(--adds); }
.chart a:hover circle, .chart a:hover rect { stroke: var(--ink); stroke-width: 2; }
.distribution { flex: 0 1 24rem; min-width: 0; }
.distribution .axis { font-size: 11px; }
.distribution .bars { fill: var(--bars); }
.distribution .outside { fill: var(--bad); }
.distribution .codes { fill: var(--codes); }
.distribution .limit { stroke: var(--limit); stroke-width: 1.5; stroke-dasharray: 4 3; }
.legend { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; list-style: none; margin: .5rem 0; padding: 0; font-size: .9rem; }
.legend i, .swatch { display: inline-block; width: .7em; height: .7em; margin-right: .4em; }
.legend .dot { border-radius: 50%; }
.bar { display: flex; height: 1.4rem; border-radius: 4px; overflow: hidden; margin: .2rem 0 .75rem; }
.bar i { display: block; min-width: 1px; }
`;

const PHONE = `
@media screen and (max-width: 46rem) {
  body { padding: 1rem .75rem 3rem; }
  h1 { font-size: 1.35rem; }
  .cards { grid-template-columns: repeat(2, minmax(0, 1fr)); gap: .5rem; }
  .card { padding: .5rem .65rem; }
  .card b { font-size: 1.2rem; }
  .terms { display: block; }
  .terms dt { margin-top: .6rem; }
  .minor { display: none; }
  th, td { padding: .4rem .45rem; }
  #layers { font-size: .87rem; }
  #layers th[scope=row] { min-width: 0; overflow-wrap: anywhere; }
  #layers thead th { white-space: normal; }
  #layers .number { padding-left: .2rem; }
  .narrow { display: block; margin-left: 1.2rem; }
  .more-of-it dl { grid-template-columns: repeat(auto-fill, minmax(8.5rem, 1fr)); flex-basis: 100%; }
  .distribution { flex: 1 1 100%; }
  .controls label { flex: 1 1 100%; }
  .controls .check { flex: 0 1 auto; }
  .controls input[type=search], .controls select { display: block; width: 100%; }
  .chart .wide { display: none; }
  .chart .slim { display: block; }
  .chart .slim .axis { font-size: 11px; }
  .frame { width: 100%; }
  .simple { display: block; }
  .simple thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .simple tbody, .simple tr { display: block; }
  .simple tr { border-bottom: 1px solid var(--line); padding: .4rem .6rem; }
  .simple tr:last-child { border-bottom: 0; }
  .simple th, .simple td, .simple .number { border: 0; padding: .1rem 0; }
  .simple th[scope=row] { display: block; font-weight: 600; text-align: left; white-space: normal; }
  .simple td { display: flex; gap: 1rem; justify-content: space-between; text-align: right; white-space: normal; overflow-wrap: anywhere; }
  .simple td::before { content: attr(data-label); color: var(--muted); flex: 0 0 auto; text-align: left; }
}
`;

const PAPER = `
@media print {
  @page { margin: 15mm 14mm; }
  html, body { font-size: 10px; }
  body { max-width: none; padding: 0; }
  .controls, .script .controls, .skip { display: none; }
  .scroll { overflow: visible; }
  h2 { margin-top: 1.6rem; }
  h2, h3 { break-after: avoid; }
  .cards { grid-template-columns: repeat(4, minmax(0, 1fr)); }
  thead button::after, .more::before { content: none; }
  #layers th[scope=row] { min-width: 0; overflow-wrap: anywhere; }
  #layers th, #layers td { padding: .25rem .4rem; }
  thead { display: table-header-group; }
  tr, .card, figure, svg, .overview { break-inside: avoid; }
  .paper:not([hidden]) { display: block !important; }
  .pill, .overview { border: 1px solid currentColor; }
  .overview { border-left-width: 5px; color: inherit; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
`;

/** The report's style sheet. Colours follow the reader's light or dark setting; paper is always light. */
export const STYLE = [COLORS, PAGE, TABLES, DRAWINGS, PHONE, PAPER].join('');
