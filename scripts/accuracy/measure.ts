/**
 * How well quantized models do on real data, over several draws:
 * `npx tsx scripts/accuracy/measure.ts --shared ../shared --python python [--suites digits_vit,magika] [--draws 4]
 * [--recipes static_wi8_ai8,static_wi8_ai16] [--ranges auto,minmax] [--jitter 0.02] [--library libLiteRt.so] [--keep folder]`.
 * Draw 0 has the calibration samples of shared/reference/models.md and the ranges as they are; the others have samples
 * drawn from the same pool where it has more than are used, and every range moved outwards by up to 2 % (one result alone
 * carries about 1 dB of luck: ranges.md, section 3). The files are measured by shared/tools/models/measure.py; shown are
 * draw 0, and the mean of the others with their standard deviation.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { parseRangeRule } from '../../calibration/ranges/rule.ts';
import { openDataset } from '../../datasets/open.node.ts';
import type { CalibrationDocument } from '../../schema/documents/calibration.ts';
import { signatures } from '../../schema/graph.ts';
import { planQuantization } from '../../src/plan/plan.ts';
import { plannedRanges } from '../../src/planned-ranges.node.ts';
import { QuantizationResult } from '../../src/quantization-result.node.ts';
import { Quantizer } from '../../src/quantizer.ts';
import { createResolver } from '../../src/recipe/resolver.ts';
import { inputSpecs } from '../../src/sample-sources.ts';
import { applyPlan } from '../../src/transform/apply.ts';
import { type Draw, jittered, spread } from './draws.ts';
import { SUITES, type Suite } from './suites.ts';

const text = { type: 'string' } as const;
const { values } = parseArgs({
  options: {
    shared: text,
    python: text,
    suites: text,
    recipes: text,
    ranges: text,
    draws: text,
    jitter: text,
    library: text,
    keep: text,
  },
});
const shared = resolve(values.shared ?? '../shared');
const python = values.python ?? 'python3';
const recipes = (values.recipes ?? 'static_wi8_ai8,static_wi8_ai16').split(',');
const rules = (values.ranges ?? 'auto').split(',');
const draws: Draw[] = Array.from({ length: Number(values.draws ?? 4) + 1 }, (_, seed) => ({
  seed,
  jitter: Number(values.jitter ?? 0.02),
}));

const wanted = values.suites?.split(',');
const folder = values.keep ?? mkdtempSync(join(tmpdir(), 'aeq-accuracy-'));
try {
  for (const suite of SUITES) if (wanted?.includes(suite.name) ?? true) await measureSuite(suite);
} finally {
  if (values.keep === undefined) rmSync(folder, { recursive: true, force: true });
}

/** A quantized file and what it is. */
interface Made {
  readonly file: string;
  readonly kind: string;
  readonly seed: number;
}

async function measureSuite(suite: Suite): Promise<void> {
  const place = join(folder, suite.name);
  mkdirSync(join(place, 'data'), { recursive: true });
  const model = join(shared, 'models', `${suite.model}.tflite`);
  const quantizer = await Quantizer.open(model);
  const made: Made[] = [];
  const source = suite.source(join(shared, 'data'), join(place, 'data'));
  let calibration: CalibrationDocument | undefined;
  for (const draw of draws) {
    if (draw.seed === 0 || suite.samples !== undefined || !calibration) {
      calibration = await calibrated(quantizer, suite, source, draw.seed);
    }
    for (const recipe of recipes) {
      quantizer.loadQuantizationRecipe(recipe);
      // Without ranges there is nothing to vary.
      const chosen = quantizer.needCalibration ? rules : rules.slice(0, draw.seed === 0 ? 1 : 0);
      for (const rule of chosen) {
        const kind = quantizer.needCalibration ? `${recipe} ${rule}` : recipe;
        const file = join(place, `${recipe}-${rule.replace('=', '')}-${draw.seed}.tflite`);
        await (await quantized(quantizer, calibration, rule, draw)).exportModel(file, { overwrite: true });
        made.push({ file, kind, seed: draw.seed });
      }
    }
  }
  quantizer.close();
  tell(suite.name, made, measured(suite.name, made));
}

async function calibrated(quantizer: Quantizer, suite: Suite, source: string, seed: number) {
  const [view] = signatures(quantizer.model);
  if (!view) throw new Error(`${suite.model} has no signature`);
  const { tokenizer } = suite.options;
  const options = { ...suite.options, ...(tokenizer && { tokenizer: join(shared, 'data', tokenizer) }) };
  const dataset = await openDataset([source], inputSpecs(quantizer.model, view), options);
  quantizer.loadQuantizationRecipe('static_wi8_ai8');
  const { library } = values;
  return quantizer.calibrate(dataset, {
    samples: suite.samples,
    seed: seed === 0 ? undefined : seed,
    ...(library === undefined ? { runtime: 'wasm' } : { runtime: 'native', library: resolve(library) }),
  });
}

/** As Quantizer.quantize does it, with the ranges of the draw. */
async function quantized(quantizer: Quantizer, calibration: CalibrationDocument, rule: string, draw: Draw) {
  if (draw.seed === 0) return quantizer.quantize(calibration, { range: rule });
  const { model, recipe, recipeContext } = quantizer;
  const resolver = createResolver(recipe, recipeContext);
  const options = { rule: parseRangeRule(rule), compat: false, safety: true };
  const { ranges, ...guard } = plannedRanges(calibration, model, resolver, () => calibration.model.sha256, options);
  const plan = planQuantization(model, resolver, jittered(ranges, draw), guard);
  return new QuantizationResult(plan, applyPlan(plan), recipe, 'auto');
}

/** The line that measure.py prints for each file, without its name. */
function measured(suite: string, made: readonly Made[]): string[] {
  const program = join(shared, 'tools/models/measure.py');
  const args = [program, shared, suite, ...made.map(({ file }) => file)];
  const output = execFileSync(python, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  const lines = output.split('\n');
  return made.map(({ file }) => {
    const line = lines.find((candidate) => candidate.startsWith(`${file} `));
    return line?.slice(file.length + 1) ?? 'not measured';
  });
}

/** One line for each kind of file. */
function tell(suite: string, made: readonly Made[], lines: readonly string[]): void {
  for (const kind of new Set(made.map((entry) => entry.kind))) {
    const of = (test: (seed: number) => boolean) =>
      lines.filter((_, i) => made[i]?.kind === kind && test(made[i].seed));
    const [first = ''] = of((seed) => seed === 0);
    const others = of((seed) => seed > 0);
    const names = [...first.matchAll(/(\S+):-?[\d.]+dB/g)].map(([, name = '']) => name);
    const means = names.map((name) => summary(others.map((line) => decibels(line, name))));
    console.log(
      [suite, kind, first, ...(others.length > 0 ? ['means', ...means, ...taskMeans(others)] : [])].join('  '),
    );
  }
}

function decibels(line: string, name: string): number {
  return Number(line.split(`${name}:`)[1]?.split('dB')[0] ?? Number.NaN);
}

function summary(numbers: readonly number[], digits = 1): string {
  const { mean, deviation } = spread(numbers);
  return `${mean.toFixed(digits)}±${deviation.toFixed(digits)}`;
}

/** Mean of the first figure of the suite's own measure. */
function taskMeans(lines: readonly string[]): string[] {
  const figures = lines
    .flatMap((line) => /(?:top1|accuracy|float|digits) (-?[\d.]+)/.exec(line)?.[1] ?? [])
    .map(Number);
  return figures.length > 0 ? [summary(figures, 4)] : [];
}
