import { describe, expect, it } from 'vitest';
import type { ActivationUse } from '../../calibration/ranges/context.ts';
import { rangesFromCalibration } from '../../calibration/ranges/source.ts';
import { looksWhole, reachOf, suspicionOf } from '../../calibration/ranges/suspicion.ts';
import { alignRanges } from '../../calibration/ranges/tied.ts';
import type { TensorStatistics } from '../../schema/documents/calibration.ts';
import { TensorType } from '../../schema/generated/tflite.ts';
import { documentOf } from './statistics-random.ts';

const calibrated = (...samples: readonly (readonly number[])[]) =>
  documentOf(
    samples.map((values, index) => ({
      sample: { signature: 'serve', index, name: `${index}` },
      values: [Float32Array.from(values)],
    })),
  );

function statistics(...samples: readonly (readonly number[])[]): TensorStatistics {
  const [tensor] = calibrated(...samples).tensors;
  if (!tensor) throw new Error('no tensor');
  return tensor;
}

describe('odd values', () => {
  const LEAST = -3.4028234663852886e38;

  it.each<[string, TensorStatistics, string | undefined]>([
    ['ordinary values', statistics([1, -2], [3, 0.5], [-4, 2]), undefined],
    ['large values that differ', statistics([-10_000, 1], [-9_000, 2]), undefined],
    ['one sample far beyond the others', statistics([1], [1.5], [2], [30]), 'outliers'],
    ['one that is not', statistics([1], [1.5], [2], [12]), undefined],
    ['a mask of -1e9', statistics([0, -1e9], [0, 0]), 'mask'],
    ['the least float32, which extremes leave out', statistics([0.5, LEAST], [1, LEAST]), 'mask'],
    ['-10000 in every sample', statistics([-10_000, 1], [-10_000, 2]), 'mask'],
    ['nothing but zeros', statistics([0], [0]), undefined],
    ['NaN and infinity', statistics([Number.NaN], [Number.NEGATIVE_INFINITY], [1]), undefined],
  ])('%s', (_, entry, expected) => {
    expect(suspicionOf(entry)).toBe(expected);
  });

  it('are those of float32 tensors only', () => {
    expect(suspicionOf({ ...statistics([0, -1e9]), type: TensorType.INT32 })).toBeUndefined();
  });

  it('are measured against the middle sample', () => {
    expect(reachOf(statistics([1], [-2], [8]))).toEqual({ typical: 2, reach: 4 });
  });

  it('whole numbers are told from fractions by what lies between 0 and 1', () => {
    expect(looksWhole(statistics([0, 1, 255], [17, -3]))).toBe(true);
    expect(looksWhole(statistics([0, 1, 255], [0.5]))).toBe(false);
    expect(looksWhole({ ...statistics([0.5]), histogram: undefined })).toBeUndefined();
  });

  it('are known to the ranges, also behind ties, and masks that a rule cuts off with them', () => {
    const outlier = rangesFromCalibration(calibrated([1], [1], [50]), { kind: 'minmax' });
    expect(alignRanges(outlier, []).suspicion?.(0, 0)).toBe('outliers');
    expect(outlier.suspicion?.(0, 1)).toBeUndefined();
    const use: ActivationUse = { bits: 8, symmetric: false, measure: { kind: 'value' }, mask: true };
    const document = calibrated([-100, 3, 2.5], [-100, 2, 1]);
    const tensors = document.tensors.map((tensor) => ({ ...tensor, leastRowMaximum: 2 }));
    const suspicion = (mask: boolean) =>
      rangesFromCalibration({ ...document, tensors }, { kind: 'auto' }, { use: () => ({ ...use, mask }) }).suspicion;
    expect(suspicion(true)?.(0, 0)).toBe('mask');
    expect(suspicion(false)?.(0, 0)).toBeUndefined();
  });
});
