import type { OperatorName } from '../support/model-builder.ts';
import type { Estimate, Situation } from './bounds.ts';

const COMPARISONS = new Set<OperatorName>(['EQUAL', 'NOT_EQUAL', 'GREATER', 'GREATER_EQUAL', 'LESS', 'LESS_EQUAL']);

const greatest = (numbers: Float64Array) => numbers.reduce((a, b) => Math.max(a, b), 0);

/**
 * What is wrong with a result that is no number but an index or a truth value, or undefined. Both may differ from the
 * float result only where the numbers they are about are closer together than these are off.
 */
export function misjudged(
  operator: OperatorName,
  output: number,
  situation: Situation,
  found: Float64Array,
): string | undefined {
  const expected = situation.expected[output] ?? new Float64Array();
  if (found.length !== expected.length) return `${found.length} results, not ${expected.length}`;
  return COMPARISONS.has(operator)
    ? comparisonMisjudged(situation, expected, found)
    : indexMisjudged(situation, expected, found);
}

function comparisonMisjudged(
  { operands: [a, b] }: Situation,
  expected: Float64Array,
  found: Float64Array,
): string | undefined {
  if (!a || !b) return 'a comparison has two operands';
  const shape = broadcastShape(a.shape, b.shape);
  const error = greatest(a.error) + greatest(b.error);
  for (let i = 0; i < expected.length; i += 1) {
    const distance = Math.abs(at(a, shape, i) - at(b, shape, i));
    if (found[i] !== expected[i] && distance > error * (1 + 2 ** -20)) {
      return `result ${i} is wrong for numbers ${distance.toPrecision(4)} apart, each off by ${(error / 2).toPrecision(4)}`;
    }
  }
  return undefined;
}

/** Indices along one axis: ARG_MAX, ARG_MIN along the axis their result leaves out, TOPK_V2 along the last. */
function indexMisjudged({ operands, expected: all }: Situation, expected: Float64Array, found: Float64Array) {
  const [x] = operands;
  if (!x) return 'no operand';
  const { shape } = x;
  const axis = all.length > 1 ? shape.length - 1 : axisOf(operands, shape.length);
  const inner = shape.slice(axis + 1).reduce((a, b) => a * b, 1);
  const length = shape[axis] ?? 1;
  const each = expected.length / (x.values.length / length);
  const tolerance = 2 * greatest(x.error) * (1 + 2 ** -20);
  for (let i = 0; i < expected.length; i += 1) {
    const row = Math.floor(i / each);
    const start = Math.floor(row / inner) * inner * length + (row % inner);
    const value = (index: number | undefined) => x.values[start + (index ?? Number.NaN) * inner] ?? Number.NaN;
    const distance = Math.abs(value(found[i]) - value(expected[i]));
    if (!(distance <= tolerance)) return `index ${i} is ${found[i]}, not ${expected[i]}: ${distance} apart`;
  }
  return undefined;
}

function axisOf(operands: Situation['operands'], rank: number): number {
  const axis = operands[1]?.values[0] ?? 0;
  return axis < 0 ? axis + rank : axis;
}

function broadcastShape(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, d) => Math.max(a[d - rank + a.length] ?? 1, b[d - rank + b.length] ?? 1));
}

/** Element `index` of the operand spread out to a shape. */
function at({ values, shape: own }: Estimate, shape: readonly number[], index: number): number {
  let rest = index;
  let stride = 1;
  let place = 0;
  for (let d = shape.length - 1; d >= 0; d -= 1) {
    const length = shape[d] ?? 1;
    const ownLength = own[d - shape.length + own.length] ?? 1;
    if (ownLength > 1) place += (rest % length) * stride;
    stride *= ownLength;
    rest = Math.floor(rest / length);
  }
  return values[place] ?? Number.NaN;
}
