import { readLabels } from '../../../datasets/labels.node.ts';
import type { Labels } from '../../../datasets/labels.ts';
import type { FileDataset } from '../../../datasets/options.ts';
import { type Comparison, comparisonJson } from '../../../schema/documents/comparison.ts';
import { readDocument } from '../../../schema/documents/json-file.node.ts';
import { type PlanDocument, planSchema } from '../../../schema/documents/plan.ts';
import { AeqError } from '../../../schema/errors.ts';
import { hasScales } from '../../../schema/graph.ts';
import { openModelFile } from '../../../schema/model-file.node.ts';
import { baselineDifferences, baselineMismatch } from '../../report/baseline.ts';
import { REPORT_FILES, readComparisonFile, writeReportFolder } from '../../report/folder.node.ts';
import { plural } from '../../report/format.ts';
import { comparisonTable } from '../../report/table.ts';
import { evaluateGates, parseGate, requireLabels } from '../../validate/gates.ts';
import { checkPlan, withPlanReasons } from '../../validate/plan-reasons.ts';
import { validateAgainst } from '../../validation.node.ts';
import type { CommandRun, Context } from '../context.ts';
import { badSamples, openData, runOptions } from '../data.ts';
import { checkReport } from '../report-folder.ts';
import { keepMemorySteady } from '../steady-memory.ts';

/** `aeq validate <float> <quantized> --data <source>...` */
export const run: CommandRun = async ([floatPath = '', quantizedPath = ''], context) => {
  const { options, fail, result, say, style } = context;
  keepMemorySteady();
  const gates = (options.failOn ?? []).map(parseGate);
  const overwrite = options.force === true;
  if (options.report) checkReport(options.report, REPORT_FILES, overwrite);
  const baseline = options.baseline === undefined ? undefined : readComparisonFile(options.baseline);
  const plan = options.plan === undefined ? undefined : readPlanFile(options.plan);
  const float = openModelFile(floatPath);
  const quantized = openModelFile(quantizedPath);
  try {
    checkOrder(float, quantized);
    if (plan) checkPlan(plan, float.sha256());
    const datasets = await openData(float.model, options);
    const labels = await labelsFor(options.labels, datasets);
    if (!labels) requireLabels(gates);
    const compared = await compare(float, quantized, { datasets, labels }, context);
    for (const text of foreignLabels(compared, labels)) context.warn(text);
    const comparison = plan ? withPlanReasons(compared, plan) : compared;
    const judged = { ...comparison, gates: evaluateGates(gates, comparison) };
    const differences = baseline ? baselineDifferences(judged, baseline) : [];
    const mismatch = baseline && baselineMismatch(judged, baseline);
    if (mismatch) context.warn(mismatch);
    if (options.report) writeReportFolder(options.report, judged, { overwrite, differences });
    result({ ...Object(comparisonJson(judged)), ...(baseline && { differences }) });
    say(comparisonTable(judged, { style, differences, ...(options.top === undefined ? {} : { top: options.top }) }));
    const failed = judged.gates.filter(({ passed }) => !passed);
    for (const { message } of failed) fail('gate', message);
    return failed.length > 0 ? 1 : 0;
  } finally {
    float.close();
    quantized.close();
  }
};

const readPlanFile = (file: string): PlanDocument =>
  readDocument(planSchema, file, { code: 'PLAN_INVALID', what: 'the plan' });

type Opened = ReturnType<typeof openModelFile>;

/** @throws AeqError MODELS_DIFFER when the models stand in the wrong order. */
function checkOrder(float: Opened, quantized: Opened): void {
  const isQuantized = ({ model }: Opened) => model.subgraphs.some(({ tensors }) => tensors.some(hasScales));
  if (!isQuantized(float) || isQuantized(quantized)) return;
  throw new AeqError('MODELS_DIFFER', `${float.path} is quantized, but ${quantized.path} is not`, {
    hint: 'the float model comes first: aeq validate <float> <quantized>',
  });
}

async function compare(
  float: Opened,
  quantized: Opened,
  { datasets, labels }: { readonly datasets: Record<string, FileDataset>; readonly labels: Labels | undefined },
  { options, progress, signal, warn }: Context,
): Promise<Comparison> {
  const how = runOptions(options, signal);
  const step = progress.start('comparing');
  const describe = ({ path, model, sizeBytes, sha256 }: Opened) => ({
    file: path,
    model,
    sizeBytes,
    sha256: sha256(),
    source: { path },
  });
  const comparison = await validateAgainst(describe(float), describe(quantized), datasets, {
    ...how,
    injected: options.injected,
    distributions: options.report !== undefined,
    dataFindings: options.report !== undefined,
    labels,
    onProgress: ({ done, total }) => step.update(done, total),
  });
  step.end(
    plural(
      comparison.signatures.reduce((sum, { samples }) => sum + samples, 0),
      'sample',
    ),
  );
  for (const text of badSamples(datasets)) warn(text);
  return comparison;
}

/** That labels name classes which the output does not have: those of another model, or counted from 1. */
function foreignLabels({ classification }: Comparison, labels: Labels | undefined): string[] {
  if (!classification || !labels) return [];
  const all = labels.flatMap((accepted) => [...(accepted ?? [])]);
  const most = all.reduce((a, b) => Math.max(a, b), 0);
  if (most < classification.classes) return [];
  return [`the labels go up to ${most}, but the output has ${classification.classes} classes, counted from 0`];
}

/** The labels of --labels, or those that the data itself has. */
async function labelsFor(file: string | undefined, datasets: Record<string, FileDataset>): Promise<Labels | undefined> {
  const [dataset, ...more] = Object.values(datasets);
  if (file === undefined) return more.length === 0 ? dataset?.labels : undefined;
  if (dataset && more.length === 0) return readLabels(file, dataset.names);
  throw new AeqError('USAGE', '--labels works with the data of one signature', { hint: 'name one with --signature' });
}
