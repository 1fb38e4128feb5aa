import { roundHalfEven } from '../../kernels/index.ts';
import type { ActivationUse } from './context.ts';
import type { Limits } from './per-sample.ts';

/** The evenly spaced values an integer tensor can take: multiples of `step` from `low` to `high`. In double. */
export interface Grid {
  readonly step: number;
  readonly low: number;
  readonly high: number;
}

const SMALLEST_WIDTH = 1e-9;

/** The grid that a range gives: zero is always on it. 16 bits are symmetric. */
export function gridOf({ min, max }: Limits, { bits, symmetric }: Pick<ActivationUse, 'bits' | 'symmetric'>): Grid {
  if (symmetric || bits === 16) {
    const levels = 2 ** (bits - 1) - 1;
    const step = Math.max(Math.abs(min), Math.abs(max), SMALLEST_WIDTH) / levels;
    return { step, low: -levels * step, high: levels * step };
  }
  const [low, high] = [Math.min(min, 0), Math.max(max, 0)];
  const step = Math.max(high - low, SMALLEST_WIDTH) / 255;
  const zeroPoint = roundHalfEven(-128 - low / step);
  return { step, low: (-128 - zeroPoint) * step, high: (127 - zeroPoint) * step };
}

/** The grid's value for x: clipped to its ends and rounded to a multiple of the step. */
export function onGrid(x: number, { step, low, high }: Grid): number {
  return Math.round(Math.min(Math.max(x, low), high) / step) * step;
}
