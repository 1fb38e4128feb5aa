/** The report's style sheet. Colours follow the reader's light or dark setting; paper is always light. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --paper: #ffffff; --panel: #f5f6f8; --ink: #1b1f24; --muted: #5b6470; --line: #d8dce2;
  --arrives: #1f5fbf; --adds: #b45309; --good: #17693a; --poor: #8a5a00; --bad: #b3261e;
  --good-back: #e3f4e8; --poor-back: #fdf0d5; --bad-back: #fbe4e2; --codes: #dbe8fb; --bars: #5b6470;
  --t0: #3d6fb4; --t1: #c2781f; --t2: #3f8f6b; --t3: #8a5fa8; --t4: #a84f5f; --t5: #7b8794;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14171b; --panel: #1d2126; --ink: #e6e9ed; --muted: #a2abb6; --line: #363d46;
    --arrives: #7fb0ff; --adds: #f0a35a; --good: #7fd6a0; --poor: #f0c36a; --bad: #ff9d94;
    --good-back: #15301f; --poor-back: #392c10; --bad-back: #431b19; --codes: #22344f; --bars: #a2abb6;
    --t0: #6f9fe0; --t1: #e0a050; --t2: #6fc09b; --t3: #b892d6; --t4: #d98896; --t5: #98a4b1;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0 auto; max-width: 78rem; padding: 1.5rem 1.25rem 4rem; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .25rem; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 2.25rem 0 .75rem; }
p { margin: .5rem 0; max-width: 70ch; }
a { color: var(--arrives); }
:focus-visible { outline: 2px solid var(--arrives); outline-offset: 2px; border-radius: 3px; }
.muted, .chart .axis, figcaption { color: var(--muted); }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); gap: .75rem; margin: 1.25rem 0; }
.card { background: var(--panel); border: 1px solid var(--line); border-radius: 8px; padding: .75rem .9rem; min-width: 0; }
.card b { display: block; font-size: 1.5rem; line-height: 1.2; font-variant-numeric: tabular-nums; }
.card span { color: var(--muted); font-size: .87rem; overflow-wrap: anywhere; }
.verdict { display: inline-block; border-radius: 999px; padding: .1rem .7rem; font-weight: 600; font-size: .9rem; }
.verdict.passed { background: var(--good-back); color: var(--good); }
.verdict.failed { background: var(--bad-back); color: var(--bad); }
.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: 8px; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
th, td { padding: .4rem .65rem; text-align: left; border-bottom: 1px solid var(--line); vertical-align: top; }
tbody:last-child tr:not(.details):last-of-type > *, table:not(#layers) tr:last-child > * { border-bottom-color: transparent; }
thead th { background: var(--panel); font-weight: 600; white-space: nowrap; vertical-align: bottom; }
th[scope=row] { font-weight: 400; min-width: 15rem; }
td, .number { font-variant-numeric: tabular-nums; }
.number { text-align: right; white-space: nowrap; }
.name { overflow-wrap: break-word; }
.bad, .poor { border-radius: 4px; padding: .05rem .35rem; margin-right: -.35rem; font-weight: 600; }
.bad { background: var(--bad-back); color: var(--bad); }
.poor { background: var(--poor-back); color: var(--poor); }
.narrow { display: none; color: var(--muted); font-size: .9em; }
.tag { border: 1px solid var(--line); border-radius: 4px; color: var(--muted); font-size: .78rem; margin-left: .4rem; padding: 0 .3rem; white-space: nowrap; }
thead button, .more { background: none; border: 0; color: inherit; cursor: pointer; font: inherit; margin: 0; padding: 0; text-align: inherit; }
thead button::after { content: "\\2195"; color: var(--muted); font-size: .8em; margin-left: .3em; opacity: .6; }
th[aria-sort=ascending] button::after { content: "\\2191"; opacity: 1; }
th[aria-sort=descending] button::after { content: "\\2193"; opacity: 1; }
.more { display: inline-flex; }
.more::before { content: "\\25B8"; color: var(--muted); flex: 0 0 1.1em; }
.more[aria-expanded=true]::before { content: "\\25BE"; }
tbody:target > tr:first-child > * { background: var(--codes); }
.details > td { background: var(--panel); }
.more-of-it { display: flex; flex-wrap: wrap; gap: 1rem 2rem; align-items: flex-start; }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr)); gap: .5rem 1.25rem; flex: 1 1 24rem; margin: .25rem 0; }
dt { color: var(--muted); font-size: .82rem; }
dd { margin: 0; overflow-wrap: anywhere; }
figure { margin: .25rem 0; }
.distribution { flex: 0 1 22rem; }
.distribution svg { display: block; width: 100%; }
.distribution .bars { fill: var(--bars); }
.distribution .codes { fill: var(--codes); }
figcaption { font-size: .82rem; }
.controls { display: none; flex-wrap: wrap; gap: .5rem 1rem; align-items: center; margin: 0 0 .75rem; }
.script .controls { display: flex; }
.controls input[type=search], .controls select { background: var(--paper); border: 1px solid var(--line); border-radius: 6px; color: inherit; font: inherit; padding: .3rem .5rem; max-width: 100%; }
.controls input[type=search] { min-width: 14rem; }
.controls output { color: var(--muted); }
.chart { display: block; width: 100%; min-width: 40rem; }
.chart .grid, .distribution .grid { stroke: var(--line); stroke-width: 1; }
.chart .axis { fill: var(--muted); font-size: 12px; stroke: none; }
.chart .arrives { fill: none; stroke: var(--arrives); stroke-width: 1.5; opacity: .55; }
.chart .arriving { fill: var(--arrives); }
.chart .adding { fill: var(--adds); }
.chart a:hover circle, .chart a:hover rect { stroke: var(--ink); stroke-width: 2; }
.legend { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; list-style: none; margin: .5rem 0; padding: 0; font-size: .9rem; }
.legend i { display: inline-block; width: .7em; height: .7em; margin-right: .4em; }
.bar { display: flex; height: 1.4rem; border-radius: 4px; overflow: hidden; margin: .2rem 0 .75rem; }
.bar i { display: block; min-width: 1px; }
.remarks { background: var(--poor-back); border-left: 4px solid var(--poor); border-radius: 4px; margin: 1rem 0; padding: .6rem 1rem .6rem 2rem; }
.remarks li { margin: .25rem 0; overflow-wrap: anywhere; }
details { margin: .75rem 0; }
summary { cursor: pointer; font-weight: 600; }
details .scroll { margin-top: .5rem; }
footer { border-top: 1px solid var(--line); color: var(--muted); font-size: .87rem; margin-top: 3rem; padding-top: 1rem; overflow-wrap: anywhere; }
@media (max-width: 46rem) {
  body { padding: 1rem .75rem 3rem; }
  .minor { display: none; }
  th, td { padding: .4rem .45rem; }
  th[scope=row] { min-width: 8.5rem; }
  .name { overflow-wrap: anywhere; }
  thead th { white-space: normal; }
  #layers .number { padding-left: .2rem; }
  .narrow { display: block; margin-left: 1.2rem; }
  .more-of-it { position: sticky; left: .45rem; width: calc(100vw - 2.6rem); }
  .distribution { flex: 1 1 100%; }
  .controls label { flex: 1 1 100%; }
  .controls .check { flex: 0 1 auto; }
  .controls input[type=search], .controls select { display: block; width: 100%; }
  #layers { font-size: .85rem; }
  .card b { font-size: 1.25rem; }
}
@media print {
  :root { color-scheme: light; --paper: #fff; --panel: #f4f4f4; --ink: #000; --muted: #444; --line: #bbb; --arrives: #1f5fbf;
    --adds: #b45309; --good: #17693a; --poor: #8a5a00; --bad: #b3261e; --good-back: #fff; --poor-back: #fff; --bad-back: #fff; --codes: #dbe8fb; --bars: #444; }
  html { font-size: 10px; }
  body { font-size: 10px; max-width: none; padding: 0; }
  .controls, .script .controls { display: none; }
  .scroll { overflow: visible; border: 0; }
  .minor { display: table-cell; }
  .narrow { display: none; }
  thead button::after, .more::before { content: none; }
  thead { display: table-header-group; }
  tr, .card, figure, svg { break-inside: avoid; }
  h2 { break-after: avoid; }
  .card { border-color: #999; }
  * { print-color-adjust: exact; }
}
`;
