import type { Constant } from './constant.ts';
import type * as tflite from './generated/tflite.ts';

/**
 * The in-memory model: the tables of the file format (schema/tflite.fbs) with three differences. Vectors that every
 * model has are never absent, constants are lazy handles, and out-of-line custom options are brought inline.
 * Tensors, buffers, operators and subgraphs are referred to by index, as in the file.
 */
export interface Model extends Omit<tflite.Model, 'operatorCodes' | 'subgraphs' | 'buffers' | 'signatureDefs'> {
  operatorCodes: tflite.OperatorCode[];
  subgraphs: Subgraph[];
  /** Constant data by buffer index; undefined where the file stores no data. By convention entry 0 is undefined. */
  buffers: (Constant | undefined)[];
  /** Absent where the file has no such vector. */
  signatureDefs?: SignatureDef[] | undefined;
  /** Zip archive that follows the model in its file (labels, vocabularies), offsets from its own start. */
  associatedFiles?: Constant | undefined;
}

export interface Subgraph extends Omit<tflite.SubGraph, 'tensors' | 'inputs' | 'outputs' | 'operators'> {
  tensors: Tensor[];
  inputs: number[];
  outputs: number[];
  operators: Operator[];
}

/** `inputs` may hold NO_TENSOR for an operand that was left out. */
export interface Operator
  extends Omit<tflite.Operator, 'inputs' | 'outputs' | 'largeCustomOptionsOffset' | 'largeCustomOptionsSize'> {
  inputs: number[];
  outputs: number[];
}

export interface SignatureDef extends Omit<tflite.SignatureDef, 'inputs' | 'outputs'> {
  inputs: tflite.TensorMap[];
  outputs: tflite.TensorMap[];
}

export type Tensor = tflite.Tensor;
export type QuantizationParameters = tflite.QuantizationParameters;
export type OperatorCode = tflite.OperatorCode;
export type TensorMap = tflite.TensorMap;

/** Operand index of an optional operand that is not there. */
export const NO_TENSOR = -1;
