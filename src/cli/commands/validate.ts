import { readLabels } from '../../../datasets/labels.node.ts';
import type { FileDataset } from '../../../datasets/options.ts';
import type { Comparison } from '../../../schema/documents/comparison.ts';
import { comparisonJson } from '../../../schema/documents/comparison.ts';
import { AeqError } from '../../../schema/errors.ts';
import { openModelFile } from '../../../schema/model-file.node.ts';
import { comparisonTable } from '../../report/table.ts';
import { evaluateGates, type Gate, parseGate } from '../../validate/gates.ts';
import { validateAgainst } from '../../validation.node.ts';
import type { CommandRun, Context } from '../context.ts';
import { badSamples, openData, parseBytes } from '../data.ts';
import { writeReport } from '../report-folder.ts';

/** `aeq validate <float> <quantized> --data <source>...` */
export const run: CommandRun = async ([floatPath = '', quantizedPath = ''], context) => {
  const { options, print, result, style } = context;
  const gates = (options.failOn ?? []).map(parseGate);
  const float = openModelFile(floatPath);
  const quantized = openModelFile(quantizedPath);
  try {
    const datasets = await openData(float.model, options);
    const comparison = await compare(float, quantized, datasets, context);
    const judged = judge(comparison, gates);
    if (options.report) await writeReport(options.report, judged, options.force === true);
    result(comparisonJson(judged));
    print(comparisonTable(judged, { style, ...(options.top === undefined ? {} : { top: options.top }) }));
    return judged.gates.some(({ passed }) => !passed) ? 1 : 0;
  } finally {
    float.close();
    quantized.close();
  }
};

type Opened = ReturnType<typeof openModelFile>;

async function compare(
  float: Opened,
  quantized: Opened,
  datasets: Record<string, FileDataset>,
  { options, progress, signal, warn }: Context,
): Promise<Comparison> {
  const labels = options.labels === undefined ? undefined : await labelsFor(options.labels, datasets);
  const step = progress.start('comparing');
  const describe = ({ path, model, sizeBytes, sha256 }: Opened) => ({ file: path, model, sizeBytes, sha256: sha256() });
  const comparison = await validateAgainst(describe(float), describe(quantized), datasets, {
    samples: options.samples,
    seed: options.seed,
    runtime: options.runtime,
    library: process.env.AEQ_LITERT_LIBRARY,
    memoryBytes: options.memory === undefined ? undefined : parseBytes(options.memory),
    labels,
    signal,
    onProgress: ({ done, total }) => step.update(done, total === undefined ? '' : `of ${total}`),
  });
  step.end(`${comparison.signatures.reduce((sum, { samples }) => sum + samples, 0)} samples`);
  for (const text of badSamples(datasets)) warn(text);
  return comparison;
}

function labelsFor(file: string, datasets: Record<string, FileDataset>) {
  const [dataset, ...more] = Object.values(datasets);
  if (!dataset || more.length > 0) {
    throw new AeqError('USAGE', '--labels works with the data of one signature', { hint: 'name one with --signature' });
  }
  return readLabels(file, dataset.names);
}

/** The comparison with what each gate says of it. */
function judge(comparison: Comparison, gates: readonly Gate[]): Comparison {
  return { ...comparison, gates: evaluateGates(gates, comparison) };
}
