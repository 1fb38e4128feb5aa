import { parseShard } from '../../calibration/selection.ts';
import type { CalibrationDocument } from '../../schema/documents/calibration.ts';
import type { CalibrateModelOptions, CalibrationStart } from '../calibrate.node.ts';
import type { Quantizer } from '../quantizer.ts';
import { formatBytes, plural } from '../report/format.ts';
import { fewSamplesWarning } from './calibration-warnings.ts';
import type { Context } from './context.ts';
import { badSamples, openData, runOptions } from './data.ts';
import { rawPixelWarnings } from './raw-pixels.ts';

/** What a calibration came to. */
export interface Calibrated extends CalibrationStart {
  readonly document: CalibrationDocument;
  /** Samples run now, without those of a resumed run. */
  readonly samplesRun: number;
}

/** What calibrate and quantize have in common: runs the samples with progress and says what a user should know. */
export async function calibrateWithProgress(
  quantizer: Quantizer,
  { options, progress, signal, warn }: Context,
  rest: Pick<CalibrateModelOptions, 'resume' | 'onPartial'> = {},
): Promise<Calibrated> {
  const how = runOptions(options, signal);
  const shard = options.shard === undefined ? undefined : parseShard(options.shard);
  const datasets = await openData(quantizer.model, options);
  let begun: CalibrationStart = { workers: 1, estimatedMemoryBytes: 0 };
  let step: ReturnType<typeof progress.start> | undefined;
  const { document, unreachable, samplesRun } = await quantizer.calibrateWithReport(datasets, {
    ...how,
    shard,
    ...rest,
    onStart: (start) => {
      begun = start;
      const on = start.workers === 1 ? 'one interpreter' : `${start.workers} interpreters`;
      step = progress.start('calibrating', `${on}, about ${formatBytes(start.estimatedMemoryBytes)} of memory`);
    },
    onProgress: ({ done, total, sample }) => step?.update(done, total, sample.name),
  });
  step?.end(`${plural(document.samples.length, 'sample')}, ${plural(document.tensors.length, 'tensor')}`);
  for (const text of badSamples(datasets)) warn(text);
  if (document.tensors.length === 0) warn('no tensor has a range to find: the model computes nothing in float');
  for (const text of rawPixelWarnings(quantizer.model, document, datasets)) warn(text);
  if (!options.shard) for (const text of fewSamplesWarning(document)) warn(text);
  const byReason = new Map<string, number>();
  for (const { reason } of unreachable) byReason.set(reason, (byReason.get(reason) ?? 0) + 1);
  for (const [reason, count] of byReason) warn(`no statistics for ${plural(count, 'tensor')}: ${reason}`);
  return { document, samplesRun, ...begun };
}
