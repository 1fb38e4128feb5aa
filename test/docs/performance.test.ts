import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { renderPage } from '../../scripts/bench/page.ts';
import { COLUMNS, readRows } from '../../scripts/bench/report.ts';

const read = (name: string) => readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8');

const LINES = [
  COLUMNS.join(),
  'validate,net,one sample,"aeq native, 1 worker",5,0.05,0.05,200000000,,"A chip, 2 cores",2',
  'validate,net,one sample,"aeq native, 1 worker",5,0.02000,0.02,200000000,,"A chip, 2 cores",2',
  'validate,net,one sample,"aeq wasm, 1 worker",5,0.08,0.08,300000000,,"A chip, 2 cores",2',
  'validate,net,one sample,"original, 16 threads",5,0.1,0.11,400000000,,"A chip, 2 cores",2',
  'validate,net,one sample,"bare runs of both models, wasm",5,0.05,0.05,,,"A chip, 2 cores",2',
  'validate,net,one sample,"bare runs of both models, native",5,0.016,0.016,,,"A chip, 2 cores",2',
];

describe('docs/performance.md', () => {
  it('shows the figures of docs/performance.csv: npx tsx scripts/bench/page.ts', () => {
    expect(read('performance.md')).toBe(renderPage(read('performance.csv')));
  });

  it('compares with the original and with the limit of the same interpreter, by the last figures', () => {
    const page = renderPage(`${LINES.join('\n')}\n`);
    expect(page).toContain('Measured on: A chip, 2 cores.');
    const cells = page.split('\n').flatMap((line) => {
      const row = line.split('|').map((cell) => cell.trim());
      return row[1]?.startsWith('aeq') || row[1]?.startsWith('original') ? [row.slice(1, -1)] : [];
    });
    expect(cells).toEqual([
      ['aeq native, 1 worker', '20.0 ms', '20.0 ms', '200 MB', '5.00x', '1.25x'],
      ['aeq wasm, 1 worker', '80.0 ms', '80.0 ms', '300 MB', '1.25x', '1.60x'],
      ['original, 16 threads', '100.0 ms', '110.0 ms', '400 MB', '', '6.25x'],
    ]);
  });

  it('says when something else was running', () => {
    const busy = LINES.map((line) => line.replace(/,2$/, ',17.4'));
    expect(renderPage(busy.join('\n'))).toContain('load up to 17');
    expect(renderPage(LINES.join('\n'))).not.toContain('load up to');
  });

  it('refuses results with other columns', () => {
    expect(() => readRows('benchmark,contender\nvalidate,aeq\n')).toThrow('the columns are not');
  });
});
