import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { baselineDifferences, baselineMismatch } from '../../../src/report/baseline.ts';
import { readComparisonFile, writeReportFolder } from '../../../src/report/folder.node.ts';
import { reportHtml } from '../../../src/report/html/page.ts';
import { junitXml } from '../../../src/report/junit.ts';
import { nodeData } from '../../../src/report/node-data.ts';
import { remarks } from '../../../src/report/remarks.ts';
import { summaryMarkdown } from '../../../src/report/summary.ts';
import { comparisonTable } from '../../../src/report/table.ts';
import { comparisonOf, metricsOf, tensorOf } from '../validate/comparisons.ts';
import { example } from './example.ts';

describe('comparisonTable', () => {
  const text = comparisonTable(example(), { top: 3 });
  const lines = text.split('\n');

  it('begins with sizes and outputs, then the layers that add most', () => {
    expect(lines[1]).toMatch(/^1000 B → 250 B \(25 %\) +16 samples, test$/);
    const first = lines.findIndex((line) => line.startsWith('Worst layers (3 of 5)'));
    expect(lines.findIndex((line) => line.startsWith('Output'))).toBeLessThan(first);
    expect(lines[first]).toMatch(/adds dB +SQNR dB +cosine +mse +max error +error\/scale +clipped$/);
    expect(lines[first + 1]).toMatch(/ADD +INT8 +14\.0 +8\.0/);
    expect(lines[first + 2]).toMatch(/^a\/conv +CONV_2D +INT8 +31\.0 +31\.0/);
  });

  it('says what must not be overlooked, and the gates in one line each', () => {
    expect(text).toMatch(
      /note {2}1 tensor of the quantized model holds NaN or infinity, the first is d\/broken \(3 NaN, 1 infinite of 100\)/,
    );
    expect(text).toMatch(/note {2}1 tensor clips more than 1 % of the values, most b\/conv \(20 %\)/);
    expect(text).toMatch(/\ngate {2}output\.sqnr<20 passed: probs has 21\n/);
    expect(text).toMatch(/\ngate {2}any\.sqnr<10 failed: d\/broken has NaN, and 1 more\n/);
  });

  it('colours with the functions it is given and nothing else', () => {
    const mark = (letter: string) => (part: string) => `<${letter}${part}>`;
    const style = { red: mark('r'), green: mark('g'), yellow: mark('y'), bold: mark('b'), dim: mark('d') };
    const coloured = comparisonTable(example(), { style });
    expect(coloured).toContain('<r8.0>');
    expect(coloured).toContain('<ggate>  output.sqnr<20 passed');
    expect(text).not.toMatch(/<[rgybd]/);
  });
});

describe('remarks', () => {
  const unusable = () => {
    const comparison = example();
    const [output] = comparison.signatures[0]?.outputs ?? [];
    const [conv, , add] = comparison.operators;
    if (!output || !conv?.metrics || !add?.metrics) throw new Error('the example has changed');
    output.metrics.sqnrDb = 4;
    conv.metrics.medianRelativeDifference = 0.98;
    add.metrics.sqnrDb = 3;
    return comparison;
  };

  it('say plainly that a model is unusable, what does it, and what to try', () => {
    const lines = remarks(unusable());
    expect(lines[0]).toBe(
      'the quantized model is not usable: output probs has 4.0 dB, an error of 63.1 % of the signal',
    );
    expect(lines[1]).toMatch(/^in 1 operator most values round to nothing.*: 1 CONV_2D, first a\/conv$/);
    expect(lines[2]).toMatch(/^1 operator alone lose/);
    expect(lines[3]).toMatch(/^to try: activations of 16 bits \(--static int16\)/);
    expect(remarks(example()).join()).not.toMatch(/not usable|to try/);
  });

  it('say when the second model is the first', () => {
    const { float } = example();
    const tensors = [tensorOf('a', { metrics: metricsOf({ sqnrDb: Number.POSITIVE_INFINITY }) })].map((tensor) => ({
      ...tensor,
      quantized: { ...tensor.quantized, type: 'FLOAT32', scale: null, zeroPoint: null },
    }));
    const same = { float, quantized: { ...float, file: 'other.tflite' } };
    expect(remarks(comparisonOf({ outputs: [], tensors }, same))).toContain('nothing in other.tflite is quantized');
    expect(remarks(example()).join()).not.toMatch(/nothing in/);
  });

  it('do not blame a mask', () => {
    const comparison = unusable();
    const [conv] = comparison.operators;
    if (conv) conv.absorbed = true;
    expect(remarks(comparison).join()).not.toMatch(/round to nothing/);
  });
});

describe('remarks on clipped values', () => {
  const metrics = metricsOf({ sqnrDb: 20, clippedShare: 0.2 });
  const clipping = (name: string, operator: string, type: string, scale: number, zeroPoint: number) =>
    tensorOf(name, { operator, metrics, quantized: { name, tensor: 0, type, scale, zeroPoint } });
  const remarksOf = (...tensors: ReturnType<typeof tensorOf>[]) => {
    const comparison = example();
    const [signature] = comparison.signatures;
    if (!signature) throw new Error('the example has changed');
    return remarks({ ...comparison, signatures: [{ ...signature, outputs: [], tensors }] }).join();
  };

  it('leave out what a kernel prescribes, and what only moves it', () => {
    const softmax = clipping('probs', 'SOFTMAX', 'INT8', 1 / 256, -128);
    const reshaped = clipping('flat', 'RESHAPE', 'INT8', 1 / 256, -128);
    const wide = clipping('wide', 'TANH', 'INT16', Math.fround(1 / 32768), 0);
    expect(remarksOf(softmax, reshaped, wide)).not.toMatch(/more than 1 % of the values/);
  });

  it('still name the same operators on another grid, and movements of calibrated values', () => {
    const softmax = clipping('probs', 'SOFTMAX', 'INT8', 1 / 256, -128);
    const reshaped = clipping('flat', 'RESHAPE', 'INT8', 0.5, -128);
    const uncommon = clipping('free', 'LOGISTIC', 'INT8', 0.001, -128);
    expect(remarksOf(softmax, reshaped, uncommon)).toMatch(/2 tensors clip more than 1 % of the values, most flat/);
    expect(remarksOf(reshaped)).toMatch(/1 tensor clips more than 1 %/);
  });
});

describe('summaryMarkdown', () => {
  it('gives the verdict first and keeps its tables whole, whatever names hold', () => {
    const text = summaryMarkdown(example());
    expect(text.split('\n')[0]).toBe('### `model_q.tflite`: 1 of 3 gates failed');
    const tables = text.split('\n\n').filter((part) => part.startsWith('|'));
    expect(tables.length).toBe(3);
    for (const table of tables) {
      const cells = table
        .trim()
        .split('\n')
        .map((row) => row.replaceAll('\\|', '').split('|').length);
      expect(new Set(cells).size).toBe(1);
    }
  });
});

describe('junitXml', () => {
  it('has a case for each gate and for each value beyond a limit', () => {
    const text = junitXml(example());
    const counts = [...text.matchAll(/<testsuite name="(\w+)" tests="(\d+)" failures="(\d+)"/g)].map((match) =>
      match.slice(1),
    );
    expect(counts).toEqual([
      ['gates', '3', '1'],
      ['layers', '2', '2'],
    ]);
    expect(text.match(/<testcase /g)).toHaveLength(5);
    expect(text.match(/<failure /g)).toHaveLength(3);
  });
});

describe('nodeData', () => {
  const files = nodeData(example());

  it('has a file per measure, with upper bounds that ascend', () => {
    expect([...files.keys()]).toContain('node_data_injected_sqnr_db.json');
    for (const data of files.values()) {
      const { results, thresholds } = data as {
        results: Record<string, { value: number }>;
        thresholds: { value: number; bgColor: string }[];
      };
      const bounds = thresholds.map(({ value }) => value);
      expect(bounds).toEqual(bounds.toSorted((a, b) => a - b));
      for (const { value } of Object.values(results)) {
        expect(Number.isFinite(value)).toBe(true);
        expect(value).toBeLessThanOrEqual(bounds.at(-1) ?? 0);
      }
    }
  });

  it('puts what is no number at the bad end, in red', () => {
    const { results } = files.get('node_data_sqnr_db.json') as { results: Record<string, unknown> };
    expect(results['d/broken']).toEqual({ value: 0, bgColor: '#d00000' });
    expect(results['c/exact']).toEqual({ value: 999 });
  });
});

describe('baselineDifferences', () => {
  it('are none between equal runs', () => {
    expect(baselineDifferences(example(), example())).toEqual([]);
    expect(baselineMismatch(example(), example())).toBeUndefined();
  });

  it('name what got worse and what got better', () => {
    const before = example();
    const [output] = before.signatures[0]?.outputs ?? [];
    const [, conv, , , , broken] = before.signatures[0]?.tensors ?? [];
    if (!output || !conv || !broken) throw new Error('the example has changed');
    output.metrics.sqnrDb = 20.9;
    conv.metrics.sqnrDb = 35;
    broken.metrics.sqnrDb = 20;
    before.quantized.sizeBytes = 300;
    expect(baselineDifferences(example(), before)).toEqual([
      { subject: 'file', measure: 'size', before: '300 B', now: '250 B', worse: false },
      { subject: 'probs', measure: 'SQNR dB', before: '20.9', now: '21.0', worse: undefined },
      { subject: 'd/broken', measure: 'SQNR dB', before: '20.0', now: 'NaN', worse: true },
      { subject: 'a/conv', measure: 'SQNR dB', before: '35.0', now: '31.0', worse: true },
    ]);
  });

  it('say little of another model', () => {
    const other = example();
    other.float.sha256 = 'f'.repeat(64);
    expect(baselineMismatch(example(), other)).toMatch(/another float model/);
  });
});

describe('reportHtml', () => {
  const text = reportHtml(example());

  it('is one file that asks for nothing', () => {
    expect(text).not.toMatch(/(?:src|href|url)\s*[=(]\s*["']?(?!#)[a-z]+:/i);
    expect(text.match(/<script/g)).toHaveLength(1);
  });

  it('escapes what comes from the models', () => {
    expect(text).not.toContain('alert("1")');
    expect(text).toContain('alert(&quot;1&quot;)');
  });

  it('has every layer, the worst first, also without its script', () => {
    const ids = [...text.matchAll(/<tbody id="(layer-\d+)" data-text="([^"]*)"/g)].map((match) => match[2] ?? '');
    expect(ids).toHaveLength(7);
    expect(ids[0]).toContain('alert');
    expect(text).toContain('No integer kernel');
  });
});

describe('writeReportFolder', () => {
  const folder = mkdtempSync(join(tmpdir(), 'aeq-report-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('writes files that can be read again, and does not overwrite unless told to', () => {
    const names = writeReportFolder(join(folder, 'new'), example());
    expect(names).toEqual(expect.arrayContaining(['comparison.json', 'report.html', 'summary.md', 'junit.xml']));
    expect(readComparisonFile(join(folder, 'new', 'comparison.json'))).toEqual(example());
    for (const name of names) expect(readFileSync(join(folder, 'new', name)).length).toBeGreaterThan(10);
    expect(() => writeReportFolder(join(folder, 'new'), example())).toThrow(/exists already/);
    writeReportFolder(join(folder, 'new'), example(), { overwrite: true });
  });

  it('leaves none of them when one cannot be written', () => {
    mkdirSync(join(folder, 'half', 'junit.xml'), { recursive: true });
    expect(() => writeReportFolder(join(folder, 'half'), example())).toThrow(/cannot be written/);
    expect(readdirSync(join(folder, 'half'))).toEqual(['junit.xml']);
    writeFileSync(join(folder, 'file'), '');
    expect(() => writeReportFolder(join(folder, 'file', 'deep'), example())).toThrow(/cannot be written/);
  });
});
