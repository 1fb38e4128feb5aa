import { readFileSync } from 'node:fs';
import { writeOriginalCalibration } from '../../../calibration/original/export.ts';
import type { OriginalCalibration } from '../../../calibration/original/import.ts';
import { parseRangeRule, type RangeRule } from '../../../calibration/ranges/rule.ts';
import { rangesFromCalibration } from '../../../calibration/ranges/source.ts';
import { mergeCalibrations, missingSamples } from '../../../calibration/statistics/merge.ts';
import type { CalibrationDocument } from '../../../schema/documents/calibration.ts';
import { readCalibration } from '../../../schema/documents/calibration-read.ts';
import { encodeCalibration } from '../../../schema/documents/calibration-write.ts';
import { AeqError } from '../../../schema/errors.ts';
import { readError } from '../../../schema/file-errors.node.ts';
import { atomicWrite } from '../../../schema/write-file.node.ts';
import { isOriginal, readCalibrationFile } from '../../calibration-input.node.ts';
import { columns, plural } from '../../report/format.ts';
import { calibrationTable, tensorSummaries } from '../calibration-table.ts';
import type { CommandRun, Context } from '../context.ts';
import { checkOutput } from '../output.ts';

/** `aeq calibration show <file>` */
export const show: CommandRun = async ([file = ''], context) => {
  const { options, print, result, style } = context;
  const rule = ruleWithoutModel(options.range ?? 'minmax');
  const document = readCalibrationFile(file);
  if (isOriginal(document)) return showOriginal(document, context);
  const rows = tensorSummaries(document, rangesFromCalibration(document, rule));
  const missing = missingSamples(document);
  result({ model: document.model, samples: document.samples.length, missing, tensors: rows });
  const [samples, tensors] = [plural(document.samples.length, 'sample'), plural(rows.length, 'tensor')];
  print(`${style.bold(document.model.file)}  ${samples}, ${tensors}`);
  if (missing.length > 0) {
    print(style.yellow(`${plural(missing.length, 'sample')} of the whole missing: merge the other parts`));
  }
  print(calibrationTable(rows, options.top, style));
  return 0;
};

/** A calibration of the original has one range a tensor and nothing that others could be made from. */
function showOriginal({ records, samples }: OriginalCalibration, { options, print, result, style }: Context): 0 {
  if (options.range !== undefined) {
    throw new AeqError('USAGE', 'the ranges of a calibration of the original are made already', {
      hint: 'leave --range away',
    });
  }
  const tensors = [...records].map(([name, { min, max }]) => ({ name, min: [...min], max: [...max] }));
  result({ model: null, samples: samples ?? null, missing: [], tensors });
  const known = samples === undefined ? '' : `${plural(samples, 'sample')}, `;
  print(`${style.bold('a calibration of the Python original')}  ${known}${plural(tensors.length, 'tensor')}`);
  const titles = ['min', 'max', 'tensor'].map(style.dim);
  const shown = tensors.slice(0, options.top).map(({ name, min, max }) => [short(min), short(max), name]);
  print(columns([titles, ...shown], new Set([0, 1])).join('\n'));
  return 0;
}

const short = (values: readonly number[]) => values.map((value) => String(Number(value.toPrecision(5)))).join(', ');

/** @throws AeqError USAGE for rules that look at what each tensor is read by, which a calibration does not know. */
function ruleWithoutModel(text: string): RangeRule {
  const rule = parseRangeRule(text);
  if (rule.kind === 'minmax' || rule.kind === 'ema' || rule.kind === 'percentile') return rule;
  throw new AeqError('USAGE', `what --range ${rule.kind} gives depends on the model and the recipe`, {
    hint: 'here minmax, ema and percentile are possible; aeq quantize --dry-run shows the others',
  });
}

/** `aeq calibration merge <files...> -o <file>` */
export const merge: CommandRun = async (files, { options, result, say, warn }) => {
  const { output } = options;
  if (!output) throw new AeqError('USAGE', 'say where to write the result: -o <file>');
  const overwrite = options.force === true;
  checkOutput(output, files, options);
  const document = mergeCalibrations(files.map(read));
  const missing = missingSamples(document);
  if (missing.length > 0) {
    const names = missing.slice(0, 5).map(({ signature, index }) => `${index} of ${signature}`);
    warn(`${plural(missing.length, 'sample')} missing: ${names.join(', ')}${missing.length > 5 ? ' ...' : ''}`);
  }
  await atomicWrite(output, encodeCalibration(document), { overwrite });
  result({ calibration: output, samples: document.samples.length, missing: missing.length });
  say(`${output}: ${plural(document.samples.length, 'sample')} from ${plural(files.length, 'file')}`);
  return 0;
};

/** `aeq calibration export --format aeq <file>` */
export const exportTo: CommandRun = async ([file = ''], { options, result, say }) => {
  const rule = ruleWithoutModel(options.range ?? 'ema');
  const output = options.output ?? file.replace(/(\.json)?$/, '_aeq.json');
  const overwrite = options.force === true;
  checkOutput(output, [file], options);
  const document = read(file);
  const text = writeOriginalCalibration(document, rangesFromCalibration(document, rule));
  await atomicWrite(output, [new TextEncoder().encode(text)], { overwrite });
  result({ calibration: output });
  say(`${output}: ${plural(document.tensors.length, 'tensor')} for the Python original`);
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
