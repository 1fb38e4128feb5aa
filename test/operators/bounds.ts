/**
 * How far off an operator's results may be, from the scales alone.
 *
 * Every operand of the integer operator is off by at most `error` from what the float operator reads: half a step of each
 * grid it was rounded to on its way. A rule says what that comes to in the results (`propagated`). On top comes the
 * rounding of the result to its own grid: half a step, and what the kernel adds to it (`kernelSteps`, below). Operators
 * that only move values write codes as they are and round nothing.
 */
import type { OperatorName } from '../support/model-builder.ts';

/** One operand as the float operator reads it, and how far off the integer operator's may be, element by element. */
export interface Estimate {
  readonly values: Float64Array;
  readonly error: Float64Array;
  readonly shape: readonly number[];
}

export interface Situation {
  /** By operand position; undefined where there is no float operand. */
  readonly operands: readonly (Estimate | undefined)[];
  /** The float operator's results on the operands' values. */
  readonly expected: readonly Float64Array[];
  readonly options: Readonly<Record<string, unknown>>;
  /** The float operator without its activation, on other numbers. */
  readonly evaluate: (operands: readonly (Float64Array | undefined)[]) => Promise<Float64Array[]>;
}

export type Rule = (situation: Situation) => Promise<Float64Array[]> | Float64Array[];

const greatest = (numbers: Iterable<number>) => {
  let result = 0;
  for (const number of numbers) result = Math.max(result, number);
  return result;
};

const isThere = (estimate: Estimate | undefined): estimate is Estimate => estimate !== undefined;
const errorsOf = ({ operands }: Situation) => operands.filter(isThere).map(({ error }) => greatest(error));
const everywhere = ({ expected }: Situation, error: number) => expected.map((values) => values.map(() => error));

/** Every result is one of the operands' values, or a mean of some with weights that add up to 1. */
const selection: Rule = (situation) => everywhere(situation, greatest(errorsOf(situation)));

/** Errors of all operands add up. */
const addition: Rule = (situation) =>
  everywhere(
    situation,
    errorsOf(situation).reduce((sum, error) => sum + error, 0),
  );

/** Linear in one operand with factors that are not negative: the errors take the values' place. */
const linear: Rule = ({ operands, evaluate }) => evaluate(operands.map((operand) => operand?.error));

/** A sum of products: sum of (|a| + da)(|b| + db) less sum of |a||b|. */
const products: Rule = async ({ operands, evaluate }) => {
  const magnitudes = operands.map((operand) => operand?.values.map(Math.abs));
  const least = await evaluate(magnitudes);
  const most = await evaluate(operands.map((operand, k) => magnitudes[k]?.map((v, i) => v + (operand?.error[i] ?? 0))));
  return most.map((values, k) => values.map((value, i) => value - (least[k]?.[i] ?? 0)));
};

/** (|a| + da) / (|b| - db) less |a| / |b|. */
const division: Rule = async ({ operands, evaluate }) => {
  const [a, b] = operands;
  if (!a || !b) throw new Error('a division has two operands');
  const least = await evaluate([a.values.map(Math.abs), b.values.map(Math.abs)]);
  const worst = [
    a.values.map((value, i) => Math.abs(value) + (a.error[i] ?? 0)),
    b.values.map((value, i) => Math.max(Math.abs(value) - (b.error[i] ?? 0), 0)),
  ];
  const most = await evaluate(worst);
  return most.map((values, k) => values.map((value, i) => value - (least[k]?.[i] ?? 0)));
};

/** |d| = |a - b| is off by da + db at most: (|d| + da + db)^2 - d^2. */
const squaredDifference: Rule = (situation) => {
  const error = errorsOf(situation).reduce((sum, own) => sum + own, 0);
  return situation.expected.map((values) => values.map((square) => (Math.sqrt(square) + error) ** 2 - square));
};

/** The slope is at most `bound` everywhere. */
const lipschitz =
  (bound: number | ((options: Situation['options']) => number)): Rule =>
  ({ operands: [operand], options }) => {
    const slope = typeof bound === 'number' ? bound : bound(options);
    return [operand?.error.map((error) => slope * error) ?? new Float64Array()];
  };

/** A function that only rises or only falls: what it does between x - dx and x + dx. */
const monotone =
  (of: (x: number) => number, least = Number.NEGATIVE_INFINITY): Rule =>
  ({ operands: [operand] }) => {
    if (!operand) throw new Error('a function has one operand');
    const { values, error } = operand;
    const change = (x: number, dx: number) => {
      const low = Math.max(x - dx, least);
      return Math.max(Math.abs(of(x + dx) - of(x)), Math.abs(of(x) - of(low)));
    };
    return [values.map((x, i) => change(x, error[i] ?? 0))];
  };

/** Below zero the value times a factor of its own channel, each off. */
const prelu: Rule = ({ operands: [x, alpha] }) => {
  if (!x || !alpha) throw new Error('PRELU has two operands');
  const factor = greatest(alpha.values.map((value, i) => Math.abs(value) + (alpha.error[i] ?? 0)));
  const off = greatest(alpha.error);
  return [x.values.map((value, i) => Math.max(1, factor) * (x.error[i] ?? 0) + Math.abs(value) * off)];
};

/** Each weight e^x is off by a factor between e^-dx and e^dx, and so is their sum. */
const softmax: Rule = (situation) => {
  const { beta = 1 } = situation.options;
  const factor = Math.exp(2 * Number(beta) * greatest(errorsOf(situation))) - 1;
  return situation.expected.map((values) => values.map((value) => value * factor));
};

/** The value and the logarithm of the sum are off by dx each. */
const logSoftmax: Rule = (situation) => everywhere(situation, 2 * greatest(errorsOf(situation)));

/** x / |x| along the last axis of n values: off by (1 + sqrt(n)) dx / |x|. */
const l2Normalization: Rule = ({ operands: [x] }) => {
  if (!x) throw new Error('L2_NORMALIZATION has one operand');
  const length = x.shape.at(-1) ?? 1;
  const error = greatest(x.error);
  return [
    x.values.map((_, i) => {
      const start = i - (i % length);
      const norm = Math.hypot(...x.values.subarray(start, start + length));
      return ((1 + Math.sqrt(length)) * error) / norm;
    }),
  ];
};

/** Indices and truth values: judged by `misjudged` instead. */
const exact: Rule = ({ expected }) => expected.map((values) => values.map(() => 0));

const { exp, log, tanh, sqrt } = Math;

/** Greatest slope of x * Phi(x), at the root of two; of x * relu6(x + 3) / 6, just below 3. */
const GELU_SLOPE = 1.129;
const HARD_SWISH_SLOPE = 1.5;

/** By operator; all others move or select values. */
const RULES: Partial<Record<OperatorName, Rule>> = {
  FULLY_CONNECTED: products,
  CONV_2D: products,
  DEPTHWISE_CONV_2D: products,
  TRANSPOSE_CONV: products,
  BATCH_MATMUL: products,
  MUL: products,
  REDUCE_PROD: products,
  ADD: addition,
  SUB: addition,
  SUM: linear,
  DIV: division,
  SQUARED_DIFFERENCE: squaredDifference,
  PRELU: prelu,
  LEAKY_RELU: lipschitz(({ alpha = 0 }) => Math.max(1, Math.abs(Number(alpha)))),
  ELU: monotone((x) => (x < 0 ? exp(x) - 1 : x)),
  GELU: lipschitz(GELU_SLOPE),
  HARD_SWISH: lipschitz(HARD_SWISH_SLOPE),
  EXP: monotone(exp),
  LOG: monotone(log, 0),
  SQRT: monotone(sqrt, 0),
  RSQRT: monotone((x) => 1 / sqrt(x), 0),
  LOGISTIC: monotone((x) => 1 / (1 + exp(-x))),
  TANH: monotone(tanh),
  SOFTMAX: softmax,
  LOG_SOFTMAX: logSoftmax,
  L2_NORMALIZATION: l2Normalization,
  ARG_MAX: exact,
  ARG_MIN: exact,
  EQUAL: exact,
  NOT_EQUAL: exact,
  GREATER: exact,
  GREATER_EQUAL: exact,
  LESS: exact,
  LESS_EQUAL: exact,
};

/** How far off the results may be for what the operands are off. */
export const ruleOf = (operator: OperatorName): Rule => RULES[operator] ?? selection;
