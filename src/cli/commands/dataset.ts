import { checkDataset, type InputSummary } from '../../../datasets/check.ts';
import type { Finding } from '../../../datasets/finding.ts';
import type { FileDataset } from '../../../datasets/options.ts';
import { sketchSample } from '../../../datasets/sketch.ts';
import { AeqError } from '../../../schema/errors.ts';
import { openModelFile } from '../../../schema/model-file.node.ts';
import { columns, formatNumber, plural } from '../../report/format.ts';
import { chooseSignature, chosenSamples, inputSpecs } from '../../sample-sources.ts';
import type { CommandRun, Context } from '../context.ts';
import { openData } from '../data.ts';
import type { Style } from '../style.ts';

const isModel = (path: string) => /\.tflite$/i.test(path);

/** `aeq dataset check <source> <model>`: status 1 when the data has a certain fault. */
export const check: CommandRun = async ([source = '', path = ''], context) => {
  const { options, fail, print, result } = context;
  if (!isModel(path) && isModel(source)) {
    throw new AeqError('USAGE', `${path} is no model, but ${source} is`, {
      hint: 'the samples come first: aeq dataset check <source> <model>',
    });
  }
  const file = openModelFile(path);
  try {
    const datasets = await openData(file.model, { ...options, data: [source] });
    const checked = [];
    for (const [signature, dataset] of Object.entries(datasets)) {
      const inputs = inputSpecs(file.model, chooseSignature(file.model, signature));
      const indices = chosenSamples(dataset, dataset.length, options);
      const report = await checkDataset(dataset, inputs, indices);
      print(describe(signature, dataset, report.inputs, report.samples, context.style));
      await showFirst(dataset, indices, context);
      for (const finding of report.findings) print(describeFinding(finding, context.style));
      checked.push({ signature, description: dataset.description, ...report });
    }
    result({ signatures: checked });
    const faults = checked.flatMap(({ findings }) => findings).filter(({ level }) => level === 'error');
    for (const { message } of faults) fail('error', message);
    return faults.length > 0 ? 1 : 0;
  } finally {
    file.close();
  }
};

function describe(
  signature: string,
  { description }: FileDataset,
  inputs: readonly InputSummary[],
  samples: number,
  style: Style,
): string {
  const titles = ['input', 'type', 'shape', 'least', 'greatest', 'mean', 'deviation', ''].map(style.dim);
  const rows = inputs.map(({ name, type, shape, min, max, mean, standardDeviation, nans, infinities }) => [
    name,
    type.toLowerCase(),
    `[${shape.map((length) => (length < 0 ? '?' : length)).join(',')}]`,
    formatNumber(min),
    formatNumber(max),
    formatNumber(mean),
    formatNumber(standardDeviation),
    nans + infinities > 0 ? style.red(`${nans} NaN, ${infinities} infinite`) : '',
  ]);
  const title = `${style.bold(signature)}  ${plural(samples, 'sample')} of ${description.kind}`;
  const hash = description.contentHash === undefined ? [] : [style.dim(`contentHash ${description.contentHash}`)];
  return [title, ...hash, ...columns([titles, ...rows], new Set([3, 4, 5, 6]))].join('\n');
}

/** One sample, so that a user sees what the model sees. */
async function showFirst(dataset: FileDataset, indices: readonly number[], { print, style }: Context): Promise<void> {
  const bad = new Set(dataset.bad.map(({ index }) => index));
  const first = indices.find((index) => !bad.has(index));
  if (first === undefined) return;
  for await (const sample of dataset.samples([first])) {
    print(`\n${style.dim(sketchSample(sample, undefined, dataset.words?.(sample.feed)))}\n`);
  }
}

function describeFinding({ level, message, samples }: Finding, style: Style): string {
  const mark = { error: style.red('error'), warning: style.yellow('warning'), note: style.dim('note') }[level];
  return `${mark}  ${message}${samples.length > 0 ? ` (${samples.join(', ')})` : ''}`;
}
