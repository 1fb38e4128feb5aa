import { sourceIdentity } from '../../calibration/identity.node.ts';
import { memorySource } from '../../schema/codec/byte-source.ts';

/** Identity of a model in memory, as a calibration records it. */
export const bytesIdentity = (bytes: Uint8Array) => sourceIdentity(memorySource(bytes), 'model.tflite');
