import type { RangeSource } from '../../calibration/ranges/range.ts';
import type { Runtime } from '../../calibration/runtime/runtime.ts';
import type { Feed } from '../../datasets/sample.ts';
import { signatures } from '../../schema/graph.ts';
import type { SuiteCase } from './case.ts';
import { Execution, FloatOperator, sampleOf } from './execution.ts';

const SAMPLES = [0, 1, 2];

/** The float side of a case on one interpreter: samples, their results, and the operator to run on other numbers. */
export class FloatSide {
  readonly samples: readonly Feed[];
  readonly results: readonly (readonly Float64Array[])[];
  readonly operator: FloatOperator;
  readonly linear: FloatOperator;
  readonly #ranges: ReadonlyMap<number, { min: number; max: number }>;

  private constructor(
    samples: readonly Feed[],
    results: readonly (readonly Float64Array[])[],
    operators: readonly [FloatOperator, FloatOperator],
    ranges: ReadonlyMap<number, { min: number; max: number }>,
  ) {
    this.samples = samples;
    this.results = results;
    [this.operator, this.linear] = operators;
    this.#ranges = ranges;
  }

  static async of(runtime: Runtime, suiteCase: SuiteCase): Promise<FloatSide> {
    const { model } = suiteCase;
    const samples = SAMPLES.map((sample) => sampleOf(suiteCase, sample));
    const results: Float64Array[][] = [];
    const ranges = new Map<number, { min: number; max: number }>();
    const include = (tensor: number, numbers: ArrayLike<number>) => {
      const { min, max } = ranges.get(tensor) ?? { min: Number.POSITIVE_INFINITY, max: Number.NEGATIVE_INFINITY };
      ranges.set(tensor, { min: Math.min(min, ...Array.from(numbers)), max: Math.max(max, ...Array.from(numbers)) });
    };
    const execution = new Execution(runtime, model);
    const { inputs = [], outputs = [] } = signatures(model)[0] ?? {};
    for (const sample of samples) {
      const codes = await execution.run(sample);
      for (const { name, tensor } of inputs) include(tensor, sample[name]?.data as Float32Array);
      for (const { tensor } of outputs) include(tensor, codes.get(tensor) ?? []);
      results.push((model.subgraphs[0]?.outputs ?? []).map((tensor) => codes.get(tensor) ?? new Float64Array()));
    }
    execution.close();
    const operators = [new FloatOperator(runtime, model, false), new FloatOperator(runtime, model, true)] as const;
    return new FloatSide(samples, results, operators, ranges);
  }

  /** Least and greatest value of all samples. */
  get ranges(): RangeSource {
    return {
      range: (_, tensor) => {
        const range = this.#ranges.get(tensor);
        return range && { ...range, carrier: 'float32', shape: [], reason: 'min/max of the samples' };
      },
    };
  }

  close(): void {
    this.operator.close();
    this.linear.close();
  }
}
