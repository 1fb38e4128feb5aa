import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeReportFolder } from '../../../src/report/folder.node.ts';
import { skipUnless } from '../../support/shared.ts';
import { comparisonOf, metricsOf, tensorOf } from '../validate/comparisons.ts';
import { chromium, Page } from './chromium.ts';
import { example, HOSTILE } from './example.ts';

/** The accessibility checker, as a script. */
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

describe.skipIf(skipUnless(chromium, 'there is no Chromium (AEQ_CHROMIUM)'))('the report in a browser', () => {
  const folder = mkdtempSync(join(tmpdir(), 'aeq-report-'));
  const url = pathToFileURL(join(folder, 'report.html')).href;
  let page: Page;
  beforeAll(async () => {
    writeReportFolder(folder, example());
    page = await Page.open(chromium ?? '');
  });
  afterAll(async () => {
    await page.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const visible = () =>
    page.evaluate(
      "[...document.querySelectorAll('#layers tbody')].filter((b) => !b.hidden).map((b) => b.querySelector('.name').title)",
    );
  const type = (id: string, value: string) =>
    page.evaluate(
      `(() => { const e = document.getElementById('${id}'); e.value = ${JSON.stringify(value)}; e.dispatchEvent(new Event('input', { bubbles: true })); })()`,
    );

  it('opens from disk without complaints or requests', async () => {
    await page.show(url, { width: 1200, height: 900 });
    expect(page.complaints()).toEqual([]);
    expect(page.requests()).toEqual([url]);
  });

  it('sorts by keyboard, the worst first, then the other way', async () => {
    await page.show(url, { width: 1200, height: 900 });
    const header = (index: number) => `document.querySelectorAll('#layers thead button')[${index}]`;
    await page.evaluate(`${header(5)}.focus()`);
    await page.press('Enter');
    expect(await visible()).toEqual(['d/broken', HOSTILE, 'b/conv', 'probs', 'a/conv', 'image', 'c/exact']);
    expect(await page.evaluate(`${header(5)}.parentElement.getAttribute('aria-sort')`)).toBe('ascending');
    await page.press('Enter');
    expect(((await visible()) as string[])[0]).toBe('c/exact');
    await page.evaluate(`${header(9)}.click()`);
    expect(((await visible()) as string[])[0]).toBe('b/conv');
  });

  it('filters by words, operator and exactness', async () => {
    await page.show(url, { width: 1200, height: 900 });
    await type('filter', 'conv int8');
    expect(await visible()).toEqual(['a/conv', 'b/conv']);
    expect(await page.evaluate("document.getElementById('shown').textContent")).toBe('2 of 7 layers');
    await type('filter', '');
    await type('operator', 'DIV');
    expect(await visible()).toEqual(['d/broken']);
    await type('operator', '');
    await page.evaluate("document.getElementById('inexact').click()");
    expect(await visible()).not.toContain('c/exact');
  });

  it('opens the details of a layer by keyboard, and of the one that the chart points to', async () => {
    await page.show(url, { width: 1200, height: 900 });
    await page.evaluate("document.querySelector('#layer-2 .more').focus()");
    await page.press('Enter');
    expect(await page.evaluate("document.getElementById('layer-2-more').hidden")).toBe(false);
    expect(await page.evaluate("document.querySelector('#layer-2-more figcaption').textContent")).toMatch(
      /codes reach from -0\.500 to 2\.00/,
    );
    await page.evaluate("location.hash = 'layer-4'");
    await page.evaluate('new Promise((resolve) => setTimeout(resolve, 50))');
    expect(await page.evaluate("document.getElementById('layer-4-more').hidden")).toBe(false);
  });

  it('fits a phone and follows the theme', async () => {
    const paper = 'getComputedStyle(document.body).backgroundColor';
    for (const width of [320, 360, 390]) {
      await page.show(url, { width, height: 700, dark: width === 360 });
      await page.evaluate("document.querySelectorAll('details').forEach((e) => { e.open = true; })");
      await page.evaluate("document.querySelector('#layer-2 .more').click()");
      expect(await page.evaluate('document.documentElement.scrollWidth'), `width ${width}`).toBe(width);
      // Nor does the table of layers need to be moved sideways.
      const table = "(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth)(document.querySelector('.scroll'))";
      expect(await page.evaluate(table), `table at width ${width}`).toBe(0);
      expect(await page.evaluate(paper)).toBe(width === 360 ? 'rgb(20, 23, 27)' : 'rgb(255, 255, 255)');
    }
    await page.show(url, { width: 800, height: 700, dark: true, print: true });
    expect(await page.evaluate(paper)).toBe('rgb(255, 255, 255)');
    expect(page.complaints()).toEqual([]);
  });

  it.each([
    ['light', { width: 1200, height: 900 }],
    ['dark', { width: 1200, height: 900, dark: true }],
    ['narrow', { width: 390, height: 844 }],
    ['narrow and dark', { width: 390, height: 844, dark: true }],
  ])('is accessible, says axe: %s', async (_name, view) => {
    await page.show(url, view);
    await page.evaluate("document.querySelectorAll('details').forEach((e) => { e.open = true; })");
    await page.evaluate("document.querySelectorAll('.more').forEach((e) => e.click())");
    await page.evaluate(`${AXE}; undefined`);
    const found = (await page.evaluate('axe.run().then(({ violations, passes }) => [violations, passes])')) as {
      id: string;
      nodes: { target: string[] }[];
    }[][];
    const [violations = [], passes = []] = found;
    expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target).join()}`)).toEqual([]);
    expect(passes.length).toBeGreaterThan(20);
  });

  it('shows the first of many layers, and all of them when asked', async () => {
    const tensors = Array.from({ length: 60 }, (_, i) =>
      tensorOf(`t${i}`, { position: i, metrics: metricsOf({ sqnrDb: i }) }),
    );
    const many = join(folder, 'many');
    writeReportFolder(many, comparisonOf({ outputs: [tensorOf('y', { role: 'output' })], tensors }));
    await page.show(pathToFileURL(join(many, 'report.html')).href, { width: 1200, height: 900 });
    expect(((await visible()) as string[]).slice(0, 2)).toEqual(['t0', 't1']);
    expect(await visible()).toHaveLength(25);
    const text = (id: string) => page.evaluate(`document.getElementById('${id}').textContent`);
    expect(await text('shown')).toBe('61 layers, the first 25 shown');
    // The order is of all layers, not of those that are shown.
    await page.evaluate("document.querySelectorAll('#layers thead button')[5].click()");
    expect(((await visible()) as string[])[0]).toBe('t59');
    await type('filter', 't1');
    expect(await visible()).toHaveLength(11);
    await type('filter', '');
    await page.evaluate("document.getElementById('all').click()");
    expect(await visible()).toHaveLength(61);
    expect(await text('shown')).toBe('61 layers');
    expect(
      await page.evaluate("document.activeElement.closest('tbody') === document.querySelectorAll('#layers tbody')[25]"),
    ).toBe(true);
  });
});
