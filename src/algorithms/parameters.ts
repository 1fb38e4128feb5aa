import type { Constant } from '../../schema/constant.ts';
import { TensorType } from '../../schema/generated/tflite.ts';
import type { Carrier } from './arithmetic.ts';

/**
 * How a tensor is stored once quantized: scales and zero points, and the codes where it is a constant. `shape` is the
 * nesting of the parameter arrays in the original, which its byte-parity mode compares.
 */
export interface TensorParameters {
  readonly kind: 'integer' | 'float16';
  readonly bits: number;
  readonly unsigned: boolean;
  readonly symmetric: boolean;
  readonly carrier: Carrier;
  /** One scale a channel or block; one for the whole tensor. Doubles, where they need not be float32 values. */
  readonly scales: Float64Array | Float32Array;
  /** As many as there are scales, or one for all. */
  readonly zeroPoints: Float64Array;
  /** Dimension the channels lie along; undefined with one scale. */
  readonly axis: number | undefined;
  /** Values that share a scale along the axis; 0 when the parameters are not blockwise. */
  readonly blockSize: number;
  readonly shape: readonly number[];
  /** The writer of the tensor cannot work with a smaller scale. */
  readonly leastScale?: number;
  /** Nor with a larger one. */
  readonly greatestScale?: number;
  /** How the runtime lays out the weight: readers of one stored copy have to agree on it (see WeightedOperands). */
  readonly packing?: string;
  /** The values were rotated along the last dimension by Hadamard matrices of this size before they were quantized. */
  readonly rotation?: number;
  /** What the operator multiplies by the weight has to be multiplied by this first, along the last dimension. */
  readonly multiplier?: Float32Array;
  /** The stored bytes of a constant. */
  readonly data?: Constant;
  /** The stored bytes under other scales, where they are more than each value rounded for itself. */
  readonly codesWith?: (numbers: CodeParameters) => Constant;
  /** Why these numbers, for the plan. */
  readonly reason: string;
}

/** What is needed to compute codes. */
export type CodeParameters = Pick<
  TensorParameters,
  'bits' | 'symmetric' | 'unsigned' | 'carrier' | 'scales' | 'zeroPoints'
>;

/** Tensor type that stores the parameters' codes. */
export function storedType({ kind, bits, unsigned }: TensorParameters): number {
  if (kind === 'float16') return TensorType.FLOAT16;
  if (unsigned) return TensorType.UINT8;
  if (bits === 2) return TensorType.INT2;
  if (bits === 4) return TensorType.INT4;
  if (bits <= 8) return TensorType.INT8;
  if (bits <= 16) return TensorType.INT16;
  return bits <= 32 ? TensorType.INT32 : TensorType.INT64;
}

type Parameters = TensorParameters | undefined;

/** The same type, scales and zero points: values of one tensor can be used as the other's. */
export function sameValues(a: Parameters, b: Parameters): boolean {
  if (a === b) return true;
  if (!a || !b) return false;
  return sameForm(a, b) && sameNumbers(a.scales, b.scales) && sameNumbers(a.zeroPoints, b.zeroPoints);
}

/** As the original compares: equal arrays of different nesting are different. */
export function sameValuesAndShape(a: Parameters, b: Parameters): boolean {
  if (a === b) return true;
  if (!a || !b) return false;
  return sameValues(a, b) && a.shape.length === b.shape.length && a.shape.every((n, i) => n === b.shape[i]);
}

/** Everything but scale and zero point is equal. */
export function sameForm(a: TensorParameters, b: TensorParameters): boolean {
  return (
    a.kind === b.kind &&
    a.bits === b.bits &&
    a.unsigned === b.unsigned &&
    a.symmetric === b.symmetric &&
    a.axis === b.axis &&
    a.blockSize === b.blockSize &&
    a.packing === b.packing &&
    a.rotation === b.rotation &&
    sameMultiplier(a, b) &&
    (a.data === undefined) === (b.data === undefined)
  );
}

/** Inputs are multiplied by the same, if at all. */
export function sameMultiplier({ multiplier: a }: TensorParameters, { multiplier: b }: TensorParameters): boolean {
  return a === b || (a !== undefined && b !== undefined && sameNumbers(a, b));
}

/** NaN equals nothing, itself included. */
export function sameNumbers(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i += 1) if (a[i] !== b[i]) return false;
  return true;
}
