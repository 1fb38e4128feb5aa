import type { RangeSource } from '../../calibration/ranges/range.ts';
import type { Runtime } from '../../calibration/runtime/runtime.ts';
import type { Feed } from '../../datasets/sample.ts';
import { BuiltinOperator, TensorType } from '../../schema/generated/tflite.ts';
import { signatures, tensorConstant } from '../../schema/graph.ts';
import { NO_TENSOR, type Operator } from '../../schema/model.ts';
import { readModel } from '../../schema/reader.ts';
import { modelBytes } from '../../schema/writer.ts';
import { type Plan, planQuantization } from '../../src/plan/plan.ts';
import { recipeContext } from '../../src/recipe/context.ts';
import { createResolver } from '../../src/recipe/resolver.ts';
import { applyPlan } from '../../src/transform/apply.ts';
import { type Estimate, ruleOf, type Situation } from './bounds.ts';
import type { SuiteCase } from './case.ts';
import type { Configuration } from './configurations.ts';
import { Execution, tensorValue } from './execution.ts';
import type { FloatSide } from './float-side.ts';
import { misjudged } from './indices.ts';
import { kernelRounding, ownRounding } from './kernel-rounding.ts';
import { QuantizedOperator } from './quantized-operator.ts';
import { misstored } from './storage.ts';
import { decodeCodes, meaning } from './stored.ts';

const { FLOAT32 } = TensorType;

/** What a run came to: an error beyond its bound is in `problems`; `excess` is the greatest error over its bound. */
export interface Verdict {
  readonly problems: readonly string[];
  readonly excess: number;
  /** Largest part of a kernel's own error in steps of its output. */
  readonly kernelSteps: number;
}

/** Plans a case: its operator (and the model's border) as configured. */
export function planCase({ model }: SuiteCase, { config }: Configuration, ranges: RangeSource): Plan {
  const rule = { regex: '.*', operation: '*', algorithm: 'min_max_uniform_quantize', config } as const;
  return planQuantization(model, createResolver({ rules: [rule] }, recipeContext()), ranges);
}

/** Quantizes a case, runs it, and compares: with the float model, and the kernel alone with the float operator. */
export async function judge(
  runtime: Runtime,
  suiteCase: SuiteCase,
  configuration: Configuration,
  float: FloatSide,
  plan: Plan,
): Promise<Verdict> {
  const quantized = readModel(modelBytes(applyPlan(plan)));
  const operator = new QuantizedOperator(quantized, BuiltinOperator[suiteCase.operator]);
  const trial = new Trial(suiteCase, float, operator, plan);
  const execution = new Execution(runtime, quantized, trial.wanted);
  try {
    for (const [index, sample] of float.samples.entries()) {
      const codes = await execution.run(trial.quantizedSample(sample));
      await trial.compareKernel(codes);
      await trial.compareModel(index, codes);
    }
  } finally {
    execution.close();
  }
  const { verdict } = trial;
  return { ...verdict, problems: [...misstored(suiteCase, configuration, plan, operator), ...verdict.problems] };
}

class Trial {
  readonly #case: SuiteCase;
  readonly #float: FloatSide;
  readonly #quantized: QuantizedOperator;
  readonly #isDynamic: boolean;
  readonly #problems = new Set<string>();
  #excess = 0;
  #kernelSteps = 0;

  constructor(suiteCase: SuiteCase, float: FloatSide, quantized: QuantizedOperator, plan: Plan) {
    this.#case = suiteCase;
    this.#float = float;
    this.#quantized = quantized;
    this.#isDynamic = plan.operators[0]?.mode === 'dynamic';
  }

  get verdict(): Verdict {
    return { problems: [...this.#problems], excess: this.#excess, kernelSteps: this.#kernelSteps };
  }

  get #source(): Operator {
    const operator = this.#case.model.subgraphs[0]?.operators[0];
    if (!operator) throw new Error('a case has an operator');
    return operator;
  }

  /** Tensors to look at: what the operator reads and writes, and the results. */
  get wanted(): number[] {
    const { operator, graph } = this.#quantized;
    const read = operator.inputs.filter((index) => index !== NO_TENSOR && !this.#quantized.constantOf(index));
    return [...new Set([...read, ...operator.outputs, ...graph.outputs])];
  }

  /** Float values of a sample as the quantized model takes them: to the nearest code. */
  quantizedSample(sample: Feed): Feed {
    const entries = (signatures(this.#quantized.model)[0]?.inputs ?? []).map(({ name, tensor }) => {
      const value = sample[name];
      if (!value) throw new Error(`no input ${name} in the sample`);
      const step = this.#quantized.step(tensor);
      if (step === 0) return [name, value] as const;
      const { type, quantization } = this.#quantized.tensor(tensor);
      const zeroPoint = Number(quantization?.zeroPoint?.[0] ?? 0n);
      const [low, high] = this.#quantized.limits(tensor).map((limit) => Math.round(limit / step) + zeroPoint);
      const codes = Array.from(value.data as Float32Array, (number) =>
        Math.min(Math.max(Math.round(number / step) + zeroPoint, low ?? 0), high ?? 0),
      );
      return [name, tensorValue(type, value.shape, codes)] as const;
    });
    return Object.fromEntries(entries);
  }

  /** The kernel against the float operator on exactly the numbers that its operands stand for. */
  async compareKernel(codes: ReadonlyMap<number, Float64Array>): Promise<void> {
    const operands = this.#estimates(
      (position, index) => this.#storedOperand(index, codes) ?? this.#plainOperand(position, codes),
      (position, values) => this.#kernelError(position, values),
    );
    const expected = await this.#float.operator.run(operands.map((operand) => operand?.values));
    const outputs = this.#quantized.operator.outputs;
    await this.#compare('kernel', operands, expected, outputs, codes, (index) => index);
  }

  /** The whole model against the float model. */
  async compareModel(sample: number, codes: ReadonlyMap<number, Float64Array>): Promise<void> {
    const feed = this.#float.samples[sample] ?? {};
    const operands = this.#estimates(
      (position) => this.#floatOperand(position, feed),
      (position, values) => this.#totalError(position, values),
    );
    const expected = this.#float.results[sample] ?? [];
    await this.#compare('model', operands, expected, this.#quantized.graph.outputs, codes, (index) =>
      this.#quantized.originOf(index),
    );
  }

  #estimates(
    valuesOf: (position: number, index: number) => Float64Array | undefined,
    errorOf: (position: number, values: Float64Array) => Float64Array,
  ): (Estimate | undefined)[] {
    return this.#quantized.operator.inputs.map((index, position) => {
      const values = index === NO_TENSOR ? undefined : valuesOf(position, index);
      if (!values) return undefined;
      const { shape = [] } = this.#case.model.subgraphs[0]?.tensors[this.#source.inputs[position] ?? -1] ?? {};
      return { values, error: errorOf(position, values), shape };
    });
  }

  /** What the codes of an operand stand for. */
  #storedOperand(index: number, codes: ReadonlyMap<number, Float64Array>): Float64Array | undefined {
    const constant = this.#quantized.constantOf(index);
    if (constant) return constant.numbers.values;
    const found = codes.get(index);
    return found && meaning(this.#quantized.model, 0, this.#quantized.tensor(index), found).values;
  }

  #plainOperand(position: number, codes: ReadonlyMap<number, Float64Array>): Float64Array | undefined {
    return codes.get(this.#quantized.operator.inputs[position] ?? -1);
  }

  #floatOperand(position: number, feed: Feed): Float64Array | undefined {
    const { model } = this.#case;
    const index = this.#source.inputs[position] ?? NO_TENSOR;
    const tensor = model.subgraphs[0]?.tensors[index];
    if (!tensor) return undefined;
    const constant = tensorConstant(model, tensor);
    if (constant) return decodeCodes(tensor.type, constant.read(), constant.sizeBytes / 4);
    const name = signatures(model)[0]?.inputs.find((input) => input.tensor === index)?.name ?? '';
    return Float64Array.from(feed[name]?.data as Float32Array);
  }

  #isFloatOperand(position: number): boolean {
    return this.#case.model.subgraphs[0]?.tensors[this.#source.inputs[position] ?? -1]?.type === FLOAT32;
  }

  /** A kernel with float activations and integer weights quantizes the activations itself, to int8. */
  #kernelError(position: number, values: Float64Array): Float64Array {
    const index = this.#quantized.operator.inputs[position] ?? NO_TENSOR;
    const own = this.#isDynamic && this.#isFloatOperand(position) && !this.#quantized.constantOf(index);
    const error = own ? ownRounding(values) : 0;
    return values.map(() => error);
  }

  #totalError(position: number, values: Float64Array): Float64Array {
    const index = this.#quantized.operator.inputs[position] ?? NO_TENSOR;
    const constant = this.#quantized.constantOf(index);
    if (!constant) {
      const error = this.#quantized.roundingUpTo(index);
      return this.#kernelError(position, values).map((own) => own + error);
    }
    const isBlockwise = constant.tensor.quantization?.details !== undefined;
    return values.map((value, i) => {
      // The scale of a block is rounded to 8 significant bits, so that its greatest value may be clipped.
      const clipped = isBlockwise ? Math.abs(value) / 256 : 0;
      return (constant.numbers.steps[i] ?? 0) / 2 + clipped;
    });
  }

  async #compare(
    what: string,
    operands: readonly (Estimate | undefined)[],
    expected: readonly Float64Array[],
    outputs: readonly number[],
    codes: ReadonlyMap<number, Float64Array>,
    originOf: (index: number) => number,
  ): Promise<void> {
    const { operator } = this.#case;
    const options = { ...(this.#source.builtinOptions ?? {}) } as Situation['options'];
    const evaluate: Situation['evaluate'] = (numbers) => this.#float.linear.run(numbers);
    const situation: Situation = { operands, expected, options, evaluate };
    const propagated = await ruleOf(operator)(situation);
    for (const [k, index] of outputs.entries()) {
      const origin = originOf(index);
      const found = codes.get(index) ?? new Float64Array();
      const wanted = expected[k] ?? new Float64Array();
      const type = this.#case.model.subgraphs[0]?.tensors[this.#source.outputs[k] ?? -1]?.type;
      if (type !== FLOAT32) {
        const problem = misjudged(operator, k, situation, found);
        if (problem) this.#problems.add(`${what}: ${problem}`);
        continue;
      }
      const step = this.#quantized.step(origin);
      const later = this.#quantized.roundingUpTo(index, origin);
      const inputStep = this.#quantized.step(this.#quantized.operator.inputs[0] ?? NO_TENSOR);
      const result = { type: this.#quantized.tensor(origin).type, step, inputStep, values: wanted };
      const kernel = kernelRounding(operator, result, situation);
      const { values } = meaning(this.#quantized.model, 0, this.#quantized.tensor(index), found);
      this.#compareValues(what, { k, values, wanted, propagated: propagated[k], step, later, origin, kernel });
    }
  }

  #compareValues(
    what: string,
    {
      k,
      values,
      wanted,
      propagated = new Float64Array(),
      step,
      later,
      origin,
      kernel,
    }: {
      k: number;
      values: Float64Array;
      wanted: Float64Array;
      propagated: Float64Array | undefined;
      step: number;
      later: number;
      origin: number;
      kernel: (index: number) => number;
    },
  ): void {
    const [low, high] = this.#quantized.limits(origin);
    // Float32 sums, in another order than ours.
    const slack = (step === 0 ? 2 ** -18 : 2 ** -20) * Math.max(...wanted.map(Math.abs), 2 ** -100);
    if (values.length !== wanted.length) this.#problems.add(`${what}: ${values.length} values, not ${wanted.length}`);
    wanted.forEach((number, i) => {
      const error = Math.abs((values[i] ?? Number.NaN) - Math.min(Math.max(number, low), high));
      const own = kernel(i) * (step || 1);
      const bound = (propagated[i] ?? 0) + own + later + slack;
      if (!Number.isFinite(bound)) this.#problems.add(`${what}: the bound of output ${k} is ${bound}`);
      const excess = error / bound;
      this.#excess = Math.max(this.#excess, Number.isNaN(excess) ? Number.POSITIVE_INFINITY : excess);
      if (what === 'kernel' && step > 0) {
        this.#kernelSteps = Math.max(this.#kernelSteps, (error - (propagated[i] ?? 0) - slack) / step);
      }
      if (!(error <= bound)) {
        this.#problems.add(
          `${what}: output ${k} is off by ${error.toPrecision(4)}, allowed are ${bound.toPrecision(4)} (step ${step.toPrecision(4)})`,
        );
      }
    });
  }
}
