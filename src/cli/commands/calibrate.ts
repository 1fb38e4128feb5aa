import { existsSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { CalibrationDocument } from '../../../schema/documents/calibration.ts';
import { readCalibration } from '../../../schema/documents/calibration-read.ts';
import { encodeCalibration } from '../../../schema/documents/calibration-write.ts';
import { AeqError } from '../../../schema/errors.ts';
import { atomicWrite } from '../../../schema/write-file.node.ts';
import { Quantizer } from '../../quantizer.ts';
import { plural } from '../../report/format.ts';
import { calibrateWithProgress } from '../calibrating.ts';
import type { CommandRun, Context } from '../context.ts';
import { checkOutput } from '../output.ts';
import { keepMemorySteady } from '../steady-memory.ts';

/** `aeq calibrate <model> --data <source>...` */
export const run: CommandRun = async ([path = ''], context) => {
  const { options, say, result, warn } = context;
  keepMemorySteady();
  const output = options.output ?? 'calibration.json';
  const overwrite = options.force === true || options.resume === true;
  checkOutput(output, [path], options.resume ? { ...options, force: true } : options);
  const quantizer = await Quantizer.open(path);
  try {
    if (options.policy) quantizer.loadConfigPolicy(options.policy);
    if (options.recipe) for (const text of quantizer.loadQuantizationRecipe(options.recipe)) warn(text);
    if (options.recipe && !quantizer.usesCalibration) {
      throw new AeqError('USAGE', `the recipe ${options.recipe} needs no calibration`, {
        hint: 'quantize without --calibration, or choose a static recipe',
      });
    }
    const save = (document: CalibrationDocument) => atomicWrite(output, encodeCalibration(document), { overwrite });
    const calibrated = await calibrateWithProgress(quantizer, context, resumption(output, save, context));
    const { document, samplesRun, workers, estimatedMemoryBytes } = calibrated;
    await save(document);
    const [samples, tensors] = [document.samples.length, document.tensors.length];
    result({ calibration: output, samples, samplesRun, tensors, workers, estimatedMemoryBytes });
    const earlier = samplesRun < samples ? ` (${samples - samplesRun} from before)` : '';
    say(`${output}: ${plural(tensors, 'tensor')} of ${basename(path)} over ${plural(samples, 'sample')}${earlier}`);
    return 0;
  } finally {
    quantizer.close();
  }
};

/** With --resume, what an earlier run left is gone on from, and what this one has is kept when it is interrupted. */
function resumption(output: string, onPartial: (document: CalibrationDocument) => Promise<void>, context: Context) {
  if (!context.options.resume) return {};
  context.endsOnInterrupt('the same command goes on from what was done');
  return existsSync(output)
    ? { resume: readCalibration(readFileSync(output, 'utf8'), output), onPartial }
    : { onPartial };
}
