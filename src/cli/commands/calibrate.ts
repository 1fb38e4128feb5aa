import { existsSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { allActivations, estimateMemory } from '../../../calibration/wanted.ts';
import { type CalibrationDocument, readCalibration, writeCalibration } from '../../../schema/documents/calibration.ts';
import { AeqError } from '../../../schema/errors.ts';
import { atomicWrite, checkWritable } from '../../../schema/write-file.node.ts';
import { Quantizer } from '../../quantizer.ts';
import { calibrateWithProgress } from '../calibrating.ts';
import type { CommandRun } from '../context.ts';
import { formatBytes } from '../style.ts';

/** `aeq calibrate <model> --data <source>...` */
export const run: CommandRun = async ([path = ''], context) => {
  const { options, print, result, warn } = context;
  const output = options.output ?? 'calibration.json';
  const resume = options.resume ? readPartial(output) : undefined;
  const overwrite = options.force === true || resume !== undefined;
  checkWritable(output, { overwrite });
  const quantizer = await Quantizer.open(path);
  try {
    if (options.recipe) for (const text of quantizer.loadQuantizationRecipe(options.recipe)) warn(text);
    if (options.recipe && !quantizer.needCalibration) {
      throw new AeqError('USAGE', `the recipe ${options.recipe} needs no calibration`, {
        hint: 'quantize without --calibration, or choose a static recipe',
      });
    }
    print(`estimated memory  ${formatBytes(estimatedBytes(quantizer))}`);
    const save = (document: CalibrationDocument, force: boolean) =>
      atomicWrite(output, [new TextEncoder().encode(writeCalibration(document))], { overwrite: force });
    const document = await calibrateWithProgress(quantizer, context, {
      ...(resume ? { resume } : {}),
      ...(options.resume ? { onPartial: (partial: CalibrationDocument) => save(partial, true) } : {}),
    });
    await save(document, overwrite || options.resume === true);
    result({ calibration: output, samples: document.samples.length, tensors: document.tensors.length });
    print(
      `wrote ${output}: ${document.tensors.length} tensors of ${basename(path)} over ${document.samples.length} samples`,
    );
    return 0;
  } finally {
    quantizer.close();
  }
};

/** What an interrupted run left, or undefined where there is nothing yet. */
function readPartial(output: string): CalibrationDocument | undefined {
  return existsSync(output) ? readCalibration(readFileSync(output, 'utf8'), output) : undefined;
}

const estimatedBytes = ({ model }: Quantizer): number => estimateMemory(model, allActivations(model)).peakBytes;
