import fc from 'fast-check';
import { CountsMemory } from '../../calibration/statistics/histogram-counts.ts';
import { HistogramTable, TABLE_ROOM_BYTES } from '../../calibration/statistics/histogram-table.ts';
import { observe, type TensorObservation } from '../../calibration/statistics/observation.ts';
import type { TensorIdentity } from '../../calibration/statistics/statistics.ts';
import { StatisticsSum } from '../../calibration/statistics/statistics.ts';
import { type Kernels, Workspace } from '../../kernels/index.ts';
import type { CalibratedSample, CalibrationDocument } from '../../schema/documents/calibration.ts';
import { TensorType } from '../../schema/generated/tflite.ts';

/** One sample and the raw values of the tensors that it showed. */
export interface RawSample {
  readonly sample: CalibratedSample;
  readonly values: readonly Float32Array[];
}

const SIGNATURES = ['decode', 'prefill'];
const TENSORS = 3;

/** Ordinary and awkward float32 values. */
export const floatValue = fc.oneof(
  fc.float({ noNaN: true, min: Math.fround(-300), max: Math.fround(300) }),
  fc.constantFrom(0, -0, 1e-45, -1e-40, 3.2e38, -3.39e38, 1, -127.5).map(Math.fround),
);

/** Distinct samples of two signatures; each tensor but the first may be empty in some of them. */
export const rawSamples: fc.Arbitrary<RawSample[]> = fc.uniqueArray(
  fc
    .tuple(
      fc.constantFrom(...SIGNATURES),
      fc.nat(30),
      fc.array(fc.array(floatValue, { maxLength: 40 }), { maxLength: TENSORS }),
    )
    .map(([signature, index, values]) => ({
      sample: { signature, index, name: `${index}.png` },
      values: values.map((list) => Float32Array.from(list)),
    })),
  { selector: ({ sample }) => `${sample.signature}${sample.index}`, maxLength: 12 },
);

interface ObserveOptions {
  /** Of the sum that it is for. */
  readonly counts?: CountsMemory;
  readonly makeKernels?: (memory: WebAssembly.Memory) => Kernels;
}

/** What the kernels see in values that lie in JavaScript; undefined for none. */
export function observeValues(
  values: Float32Array,
  { counts = new CountsMemory(), makeKernels }: ObserveOptions = {},
): TensorObservation | undefined {
  const workspace = makeKernels ? new Workspace(makeKernels) : new Workspace();
  const room = workspace.allocate(TABLE_ROOM_BYTES);
  const byteOffset = workspace.place(values);
  const view = { type: TensorType.FLOAT32, shape: [values.length], byteOffset };
  const histogram = { table: new HistogramTable(workspace.kernels, room), counts };
  return observe(workspace.kernels, view, histogram, { rowMaximum: true });
}

export function identity(tensor: number): TensorIdentity {
  return { subgraph: tensor % 2, tensor, name: `tensor ${tensor}`, type: TensorType.FLOAT32, shape: [1, 40] };
}

/** The document of some of the samples, as a run over them would make it. */
export function documentOf(samples: readonly RawSample[], selected?: readonly number[]): CalibrationDocument {
  const counts = new CountsMemory();
  const sum = new StatisticsSum(counts);
  for (const { sample, values } of samples) sum.addSample(sample, observations(values, counts));
  return {
    model: { file: 'model.tflite', sha256: 'a'.repeat(64), sizeBytes: 1000 },
    runtimes: ['interpreter 1.0'],
    datasets: SIGNATURES.map((signature) => ({
      signature,
      description: { kind: 'images', sources: ['photos'], preprocessing: { std: 1, mean: [0, 1] } },
      length: 31,
      selected: selected ?? Array.from({ length: 31 }, (_, index) => index),
    })),
    ...sum.build(),
  };
}

function observations(values: readonly Float32Array[], counts: CountsMemory): [TensorIdentity, TensorObservation][] {
  return values.flatMap((list, tensor): [TensorIdentity, TensorObservation][] => {
    const seen = observeValues(list, { counts });
    return seen ? [[identity(tensor), seen]] : [];
  });
}
