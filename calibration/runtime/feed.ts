import type { Feed, TensorValue } from '../../datasets/sample.ts';
import { AeqError } from '../../schema/errors.ts';
import { typeName } from '../../schema/graph.ts';
import { tensorBytes } from './element-type.ts';
import type { SignatureInfo, TensorInfo } from './runtime.ts';

/**
 * The values of a feed in the order of the signature's inputs.
 * @throws AeqError FEED_INVALID naming the input that is missing, unknown, or of another type or size.
 */
export function orderedFeed(signature: SignatureInfo, feed: Feed): TensorValue[] {
  const unknown = Object.keys(feed).find((name) => !signature.inputs.some((input) => input.name === name));
  if (unknown !== undefined) {
    throw invalid(unknown, `signature ${signature.key} has no input ${unknown}`, `its inputs are ${names(signature)}`);
  }
  return signature.inputs.map((input) => checkedValue(signature, input, feed));
}

function checkedValue(signature: SignatureInfo, input: TensorInfo, feed: Feed): TensorValue {
  const value = Object.hasOwn(feed, input.name) ? feed[input.name] : undefined;
  if (value === undefined) {
    const hint = `its inputs are ${names(signature)}`;
    throw invalid(input.name, `input ${input.name} of signature ${signature.key} is not in the sample`, hint);
  }
  if (value.type !== input.type) {
    const message = `input ${input.name} is ${typeName(value.type)} in the sample, but the model takes ${typeName(input.type)}`;
    throw invalid(input.name, message, `give ${typeName(input.type)} values`);
  }
  if (value.data.byteLength !== tensorBytes(input.name, input.type, input.shape)) {
    const given = `shape [${value.shape}] (${value.data.length} values)`;
    const message = `input ${input.name} has ${given} in the sample, but the model takes [${input.shape}]`;
    throw invalid(input.name, message, 'resize or reshape the sample to fit');
  }
  return value;
}

const names = (signature: SignatureInfo) => signature.inputs.map((input) => input.name).join(', ') || '(none)';

const invalid = (tensor: string, message: string, hint: string) =>
  new AeqError('FEED_INVALID', message, { where: { tensor }, hint });

/** The bytes behind a typed array. */
export const bytesOf = (view: ArrayBufferView): Uint8Array =>
  new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
