import { AeqError } from '../schema/errors.ts';
import type { InputSpec } from './sample.ts';

/**
 * The only input of a model, for data that cannot fill more.
 * @param what such as `pictures fill`
 * @throws AeqError DATASET_MISMATCH naming the inputs of a model that has more
 */
export function oneInput(inputs: readonly InputSpec[], what: string): InputSpec {
  const [input] = inputs;
  if (input && inputs.length === 1) return input;
  const names = inputs.map(({ name }) => `"${name}"`).join(', ');
  throw new AeqError('DATASET_MISMATCH', `${what} one input, but the model has ${inputs.length}: ${names}`, {
    hint: 'give .npz files with the input names as keys',
  });
}
