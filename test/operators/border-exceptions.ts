import type { RuntimeId } from '../../calibration/runtime/runtime.ts';
import type { ConfigName } from '../../src/recipe/types.ts';

/** Configurations of operators that the types of a model's inputs and outputs are tried with. */
export const WITHIN: readonly ConfigName[] = ['static_wi8_ai8', 'static_wi8_ai16'];

const bits = (name: string) => (name.includes('ai16') ? 16 : 8);

/** What an interpreter says of conversions that it has no kernel for, by the names of the configurations. */
export function refusedConversion(id: RuntimeId, within: string, outside: string): RegExp | undefined {
  return id === 'tfjs-tflite' && bits(within) !== bits(outside) ? /quantize\.cc/ : undefined;
}
