import { readFileSync } from 'node:fs';
import { writeOriginalCalibration } from '../../../calibration/original/export.ts';
import { parseRangeRule } from '../../../calibration/ranges/rule.ts';
import { rangesFromCalibration } from '../../../calibration/ranges/source.ts';
import { mergeCalibrations, missingSamples } from '../../../calibration/statistics/merge.ts';
import { type CalibrationDocument, readCalibration, writeCalibration } from '../../../schema/documents/calibration.ts';
import { AeqError } from '../../../schema/errors.ts';
import { readError } from '../../../schema/file-errors.node.ts';
import { typeName } from '../../../schema/graph.ts';
import { atomicWrite } from '../../../schema/write-file.node.ts';
import type { CommandRun } from '../context.ts';
import { formatTable } from '../style.ts';

/** `aeq calibration show <file>` */
export const show: CommandRun = async ([file = ''], { options, print, result, style }) => {
  const document = read(file);
  const rule = parseRangeRule(options.range ?? 'minmax');
  const ranges = rangesFromCalibration(document, rule);
  const rows = document.tensors.map((tensor) => {
    const range = ranges.range(tensor.subgraph, tensor.tensor);
    return {
      ...summary(tensor),
      min: range?.min ?? null,
      max: range?.max ?? null,
      from: range?.reason ?? 'no statistics',
    };
  });
  const missing = missingSamples(document);
  result({ model: document.model, samples: document.samples.length, missing, tensors: rows });
  print(`${style.bold(document.model.file)}  ${document.samples.length} samples, ${document.tensors.length} tensors`);
  if (missing.length > 0)
    print(style.yellow(`${missing.length} samples of the whole are missing: merge the other parts`));
  const header = ['tensor', 'type', 'shape', 'min', 'max', 'typical', 'not finite'].map((title) => style.dim(title));
  const shown = rows.map(({ name, type, shape, min, max, typical, notFinite, outlier }) => [
    outlier ? style.yellow(name) : name,
    type.toLowerCase(),
    `[${shape}]`,
    number(min),
    number(max),
    number(typical),
    notFinite === 0 ? '' : String(notFinite),
  ]);
  print(formatTable([header, ...shown], ['left', 'left', 'left', 'right', 'right', 'right', 'right']));
  if (rows.some(({ outlier }) => outlier))
    print(style.dim('\nyellow: single samples reach ten times farther than the typical one'));
  return 0;
};

/** A sample that reaches this much farther than the middle one is an outlier. */
const OUTLIER_FACTOR = 10;

function summary({ name, type, shape, min, max, nans, infinities }: CalibrationDocument['tensors'][number]) {
  const reach = Array.from(min, (low, i) => Math.max(Math.abs(low), Math.abs(max[i] ?? 0))).sort((a, b) => a - b);
  const typical = reach[Math.floor(reach.length / 2)] ?? 0;
  const outlier = (reach.at(-1) ?? 0) > OUTLIER_FACTOR * typical && typical > 0;
  return { name, type: typeName(type), shape, typical, notFinite: nans + infinities, outlier };
}

const number = (value: number | null) => (value === null ? '-' : String(Number(value.toPrecision(5))));

/** `aeq calibration merge <files...> -o <file>` */
export const merge: CommandRun = async (files, { options, print, result, warn }) => {
  if (!options.output) throw new AeqError('USAGE', 'say where to write the result: -o <file>');
  const document = mergeCalibrations(files.map(read));
  const missing = missingSamples(document);
  if (missing.length > 0) {
    const names = missing.slice(0, 5).map(({ signature, index }) => `${index} of ${signature}`);
    warn(`${missing.length} samples are missing: ${names.join(', ')}${missing.length > 5 ? ' ...' : ''}`);
  }
  await write(options.output, writeCalibration(document), options.force === true);
  result({ calibration: options.output, samples: document.samples.length, missing: missing.length });
  print(`wrote ${options.output}: ${document.samples.length} samples from ${files.length} files`);
  return 0;
};

/** `aeq calibration export --format aeq <file>` */
export const exportTo: CommandRun = async ([file = ''], { options, print, result }) => {
  const document = read(file);
  const output = options.output ?? file.replace(/(\.json)?$/, '_aeq.json');
  const ranges = options.range ? rangesFromCalibration(document, parseRangeRule(options.range)) : undefined;
  await write(output, writeOriginalCalibration(document, ranges), options.force === true);
  result({ calibration: output });
  print(`wrote ${output}`);
  return 0;
};

function read(file: string): CalibrationDocument {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw readError(file, error);
  }
  return readCalibration(text, file);
}

const write = (path: string, text: string, overwrite: boolean) =>
  atomicWrite(path, [new TextEncoder().encode(text)], { overwrite });
