import { bytesConstant, type Constant } from '../../schema/constant.ts';
import { type Carrier, quantizeDouble, quantizeFloat32 } from './arithmetic.ts';
import type { TensorParameters } from './parameters.ts';

/** A bias is stored in 32 bits, the lowest code left out. */
const LIMIT = 2 ** 31 - 1;
/** int16 activations accumulate in 64 bits; the runtime reads the bias as int64 and rescales sums below 2^47. */
const LIMIT_INT64 = 2 ** 46;

/** The largest code of a bias, by the bits of the activations. */
export const greatestBiasCode = (inputBits: number): number => (inputBits === 16 ? LIMIT_INT64 : LIMIT);

/** Scale of a bias: input scale times weight scale, per channel where the weight has channels. */
export interface BiasRequest {
  readonly bias: Constant;
  readonly inputScale: number;
  readonly inputCarrier: Carrier;
  readonly inputBits: number;
  readonly weightScales: Float64Array;
}

/**
 * As the original does it: codes in the carrier's precision, clipped to 32 bits also where 64 are stored; with float32
 * the limit itself rounds up and the cast of what lies there wraps to the most negative code.
 */
export function originalBias(request: BiasRequest): TensorParameters {
  const { inputScale, inputCarrier, weightScales } = request;
  const exact = inputCarrier === 'float64';
  const scales = weightScales.map((scale) => (exact ? inputScale * scale : Math.fround(inputScale * scale)));
  const values = floats(request.bias);
  // One scale a channel against a bias of another rank gives an outer product; a plain vector is one code each.
  const codes = Array.from(values, (value, i) => {
    const scale = scales[scales.length === 1 ? 0 : i] as number;
    if (exact) return quantizeDouble(value, scale, 0, -LIMIT, LIMIT);
    const code = quantizeFloat32(value, scale, 0, -LIMIT, LIMIT);
    return code > LIMIT ? -(2 ** 31) : code;
  });
  return biasParameters(request, scales, codes, 'input scale times weight scale');
}

/**
 * Codes in double from the scales the file stores (float32), saturated at what the kernel adds up in. The caller has
 * chosen weight scales with which the bias fits.
 */
export function exactBias(request: BiasRequest): TensorParameters {
  const { inputScale, inputBits, weightScales } = request;
  const products = weightScales.map((scale) => Math.fround(inputScale) * Math.fround(scale));
  const limit = greatestBiasCode(inputBits);
  const codes = Array.from(floats(request.bias), (value, i) =>
    quantizeDouble(value, products[products.length === 1 ? 0 : i] as number, 0, -limit, limit),
  );
  return biasParameters(request, products.map(Math.fround), codes, 'input scale times weight scale');
}

/**
 * The smallest weight scale per channel with which |bias| stays within 2^30 steps of input scale times weight scale
 * (2^45 with int16 activations): an integer bias then cannot overflow. 0 where the bias is not finite.
 */
export function leastWeightScales(bias: Constant, inputScale: number, inputBits: number): Float64Array {
  const steps = inputBits === 16 ? 2 ** 45 : 2 ** 30;
  return Float64Array.from(floats(bias), (value) => {
    const least = Math.abs(value) / (steps * inputScale);
    return Number.isFinite(least) ? Math.fround(least) : 0;
  });
}

function biasParameters(
  { inputCarrier, inputBits }: BiasRequest,
  scales: Float64Array,
  codes: readonly number[],
  reason: string,
): TensorParameters {
  const wide = inputBits === 16;
  const bytes = wide ? BigInt64Array.from(codes, BigInt) : Int32Array.from(codes);
  return {
    kind: 'integer',
    bits: wide ? 64 : 32,
    unsigned: false,
    symmetric: true,
    carrier: inputCarrier,
    scales,
    zeroPoints: new Float64Array(scales.length),
    axis: scales.length === 1 ? undefined : 0,
    blockSize: 0,
    shape: [scales.length],
    data: bytesConstant(new Uint8Array(bytes.buffer)),
    reason,
  };
}

/** The values of a float32 constant. */
export function floats(constant: Constant): Float32Array {
  const bytes = constant.read().slice();
  return new Float32Array(bytes.buffer, 0, Math.floor(bytes.byteLength / 4));
}
