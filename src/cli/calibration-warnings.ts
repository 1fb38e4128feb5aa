import { RECOMMENDED_SAMPLES } from '../../calibration/ranges/rule.ts';
import { missingSamples } from '../../calibration/statistics/merge.ts';
import { type Calibration, isOriginal } from '../calibration-input.node.ts';
import { plural } from '../report/format.ts';

/** That the samples of a calibration are few, where they are. */
export function fewSamplesWarning(calibration: Calibration): string[] {
  const samples = isOriginal(calibration) ? calibration.samples : calibration.samples.length;
  if (samples === undefined || samples >= RECOMMENDED_SAMPLES) return [];
  return [
    `${plural(samples, 'sample')} ${samples === 1 ? 'is' : 'are'} few: below ${RECOMMENDED_SAMPLES}, ranges are mostly luck`,
  ];
}

/** That samples of the data set are not in a calibration: a part of a whole, an interrupted run, or undecodable ones. */
export function missingSamplesWarning(calibration: Calibration): string[] {
  const missing = isOriginal(calibration) ? 0 : missingSamples(calibration).length;
  if (missing === 0) return [];
  const are = missing === 1 ? 'is' : 'are';
  return [
    `${plural(missing, 'sample')} of the data ${are} not in the calibration: merge the other parts or resume it, unless they cannot be decoded`,
  ];
}
