import { minMax } from '../../calibration/ranges/per-sample.ts';
import { looksWhole } from '../../calibration/ranges/suspicion.ts';
import { pictureDimensions } from '../../datasets/images/tensor.ts';
import type { FileDataset } from '../../datasets/options.ts';
import { lookLikePixels } from '../../datasets/value-range.ts';
import type { CalibrationDocument } from '../../schema/documents/calibration.ts';
import { TensorType } from '../../schema/generated/tflite.ts';
import { signatureShape, signatures } from '../../schema/graph.ts';
import type { Model } from '../../schema/model.ts';

/**
 * A warning for each float32 picture input that was calibrated with values of 0 to 255, unless somebody said that this is
 * how the model takes them: with ranges made from them the quantized model sees only black in the pictures it expects.
 */
export function rawPixelWarnings(
  model: Model,
  { tensors }: CalibrationDocument,
  datasets: Readonly<Record<string, FileDataset>>,
): string[] {
  const unsaid = signatures(model).filter(({ key }) => datasets[key]?.valueRangeSaid === false);
  return unsaid.flatMap(({ subgraph, inputs }) =>
    inputs.flatMap(({ name, tensor }) => {
      const entry = tensors.find((one) => one.subgraph === subgraph && one.tensor === tensor);
      const declared = model.subgraphs[subgraph]?.tensors[tensor];
      const limits = entry && minMax(entry);
      if (!limits || !declared || declared.type !== TensorType.FLOAT32) return [];
      if (!pictureDimensions(signatureShape(declared))) return [];
      const { min, max } = limits;
      if (!lookLikePixels({ min, max, whole: looksWhole(entry) ?? false })) return [];
      return [
        `input ${name} got raw pixels (${min} to ${max}); most float models expect 0..1 or -1..1: calibrate with --preprocess zero-one or minus-one-one, or say --preprocess raw if this one takes them so`,
      ];
    }),
  );
}
