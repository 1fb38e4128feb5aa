import type { CalibrationDocument, TensorStatistics } from '../../schema/documents/calibration.ts';
import { TensorType } from '../../schema/generated/tflite.ts';
import type { RangeSource } from '../ranges/range.ts';
import { rangesFromCalibration } from '../ranges/source.ts';
import { pythonFloat, pythonString } from './json.ts';

/**
 * The original's calibration file, in its formatting: one record a tensor name, arrays nested as deep as the tensor has
 * dimensions. Ranges are those of `ranges`, by default the moving average, which is what the original itself computes.
 * Tensors without a name are left out; of several with one name the first counts.
 */
export function writeOriginalCalibration(
  document: CalibrationDocument,
  ranges: RangeSource = rangesFromCalibration(document, { kind: 'ema' }),
): string {
  const names = new Set<string>();
  const records: string[] = [];
  for (const tensor of document.tensors) {
    const range = ranges.range(tensor.subgraph, tensor.tensor);
    if (tensor.name === '' || names.has(tensor.name) || !range) continue;
    names.add(tensor.name);
    const number = numberText(tensor);
    const nested = (value: number) =>
      `${'['.repeat(range.shape.length)}${number(value)}${']'.repeat(range.shape.length)}`;
    // The original keeps this field only until the second sample.
    const single = tensor.samples.length === 1 ? `, "num_samples": ${tensor.shape[0] ?? 1}` : '';
    records.push(`${pythonString(tensor.name)}: {"min": ${nested(range.min)}, "max": ${nested(range.max)}${single}}`);
  }
  const metadata = `{"num_samples_calibrated": ${document.samples.length}}`;
  return `{"model_qsvs": {${records.join(', ')}}, "metadata": ${metadata}}`;
}

/** Integers and bools print as such while there is one sample; averages of them are floats. */
function numberText({ type, samples }: TensorStatistics): (value: number) => string {
  if (type === TensorType.FLOAT32 || samples.length > 1) return pythonFloat;
  return type === TensorType.BOOL ? (value) => (value ? 'true' : 'false') : String;
}
