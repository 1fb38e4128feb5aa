import { elementsIn, freshMemory, type SampleMemory } from '../sample-memory.ts';

/** Zero crossings of the sinc on each side: the transition band is about 1 / ZERO_CROSSINGS of the lower Nyquist rate. */
const ZERO_CROSSINGS = 32;
/** Where the pass band ends, as a share of the lower Nyquist rate. */
const ROLL_OFF = 0.945;
/** Of the Kaiser window: about 120 dB in the stop band. */
const KAISER_BETA = 12;
/** Weights are kept for at most this many positions between input values. */
const MOST_KEPT_PHASES = 4096;

/**
 * Changes the sample rate by band-limited interpolation: each output value is the sum of input values weighted by a sinc
 * under a Kaiser window (Smith, "Digital Audio Resampling"), with weights that sum to 1; beyond its ends the sound counts
 * as silence. Gives ceil(length * to / from) values, in double, rounded to float32.
 */
export function resampleSound(
  values: Float32Array,
  from: number,
  to: number,
  memory: SampleMemory = freshMemory,
): Float32Array {
  if (from === to) return values;
  const divisor = greatestCommonDivisor(from, to);
  const up = to / divisor;
  const down = from / divisor;
  const cutoff = Math.min(1, to / from) * ROLL_OFF;
  const reach = Math.ceil(ZERO_CROSSINGS / cutoff);
  const kept = new Map<number, Float64Array>();
  const weightsOf = (phase: number): Float64Array => {
    const known = kept.get(phase);
    if (known) return known;
    const weights = makeWeights(phase / up, cutoff, reach);
    if (kept.size < MOST_KEPT_PHASES) kept.set(phase, weights);
    return weights;
  };
  const result = elementsIn(memory, Float32Array, resampledLength(values.length, from, to));
  for (let i = 0; i < result.length; i++) {
    const position = i * down;
    const weights = weightsOf(position % up);
    const first = Math.floor(position / up) - reach + 1;
    let sum = 0;
    const end = Math.min(weights.length, values.length - first);
    for (let k = Math.max(0, -first); k < end; k++) sum += (weights[k] as number) * (values[first + k] as number);
    result[i] = sum;
  }
  return result;
}

/** Values that `length` values become: ceil(length * to / from), exactly. */
export function resampledLength(length: number, from: number, to: number): number {
  const divisor = greatestCommonDivisor(from, to);
  return Math.ceil((length * (to / divisor)) / (from / divisor));
}

/** Weights of the 2 * reach input values around a place `fraction` behind one of them. */
function makeWeights(fraction: number, cutoff: number, reach: number): Float64Array {
  const weights = new Float64Array(2 * reach);
  let sum = 0;
  for (let k = 0; k < weights.length; k++) {
    const distance = k - reach + 1 - fraction;
    const inside = 1 - (distance / reach) ** 2;
    const window = inside <= 0 ? 0 : besselI0(KAISER_BETA * Math.sqrt(inside));
    const x = Math.PI * distance * cutoff;
    const weight = (x === 0 ? 1 : Math.sin(x) / x) * window;
    weights[k] = weight;
    sum += weight;
  }
  return weights.map((weight) => weight / sum);
}

/** Modified Bessel function of the first kind, order 0, by its power series. */
function besselI0(x: number): number {
  let term = 1;
  let sum = 1;
  for (let k = 1; term > sum * 1e-17; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
