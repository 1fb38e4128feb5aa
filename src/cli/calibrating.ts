import { RECOMMENDED_SAMPLES } from '../../calibration/ranges/rule.ts';
import { parseShard } from '../../calibration/selection.ts';
import type { CalibrationDocument } from '../../schema/documents/calibration.ts';
import type { Quantizer } from '../quantizer.ts';
import type { Context } from './context.ts';
import { badSamples, openData, parseBytes } from './data.ts';

/** What calibrate and quantize have in common: runs the samples with progress and says what a user should know. */
export async function calibrateWithProgress(
  quantizer: Quantizer,
  { options, progress, signal, warn }: Context,
  rest: { resume?: CalibrationDocument; onPartial?: (document: CalibrationDocument) => Promise<void> } = {},
): Promise<CalibrationDocument> {
  const datasets = await openData(quantizer.model, options);
  const step = progress.start('calibrating');
  const { document, unreachable } = await quantizer.calibrateWithReport(datasets, {
    samples: options.samples,
    seed: options.seed,
    runtime: options.runtime,
    library: process.env.AEQ_LITERT_LIBRARY,
    workers: options.workers,
    memoryBytes: options.memory === undefined ? undefined : parseBytes(options.memory),
    shard: options.shard === undefined ? undefined : parseShard(options.shard),
    ...rest,
    signal,
    onProgress: ({ done, total, sample }) => step.update(done, total === undefined ? sample.name : `of ${total}`),
  });
  step.end(`${document.samples.length} samples, ${document.tensors.length} tensors`);
  for (const text of badSamples(datasets)) warn(text);
  if (document.samples.length < RECOMMENDED_SAMPLES && !options.shard) {
    warn(`${document.samples.length} samples are few: ranges are mostly luck under ${RECOMMENDED_SAMPLES}`);
  }
  const byReason = new Map<string, number>();
  for (const { reason } of unreachable) byReason.set(reason, (byReason.get(reason) ?? 0) + 1);
  for (const [reason, count] of byReason) warn(`${count} tensors have no statistics: ${reason}`);
  return document;
}
