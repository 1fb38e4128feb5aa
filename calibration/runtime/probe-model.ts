import type { Feed } from '../../datasets/sample.ts';
import { bytesConstant } from '../../schema/constant.ts';
import { BuiltinOperator, TensorType } from '../../schema/generated/tflite.ts';
import type { Model, Tensor } from '../../schema/model.ts';

const SIZE = 64;

/**
 * A tiny model with a known answer: y = x * 2 W, with W a rotation of the `SIZE` values by one place, so that
 * y[i] = 2 x[(i + 1) % SIZE]. Used to find out whether an interpreter works here, and how fast it is.
 */
export function probeModel(): Model {
  const weights = new Float32Array(SIZE * SIZE);
  for (let row = 0; row < SIZE; row += 1) weights[row * SIZE + ((row + 1) % SIZE)] = 2;
  const tensor = (name: string, shape: number[], buffer = 0): Tensor => ({
    name,
    shape,
    type: TensorType.FLOAT32,
    buffer,
    isVariable: false,
    hasRank: false,
    externalBuffer: 0,
  });
  const operator = { opcodeIndex: 0, inputs: [0, 1, -1], outputs: [2], customOptionsFormat: 0, debugMetadataIndex: -1 };
  return {
    version: 3,
    operatorCodes: [
      {
        builtinCode: BuiltinOperator.FULLY_CONNECTED,
        deprecatedBuiltinCode: BuiltinOperator.FULLY_CONNECTED,
        version: 1,
      },
    ],
    subgraphs: [
      {
        tensors: [tensor('x', [1, SIZE]), tensor('weights', [SIZE, SIZE], 1), tensor('y', [1, SIZE])],
        inputs: [0],
        outputs: [2],
        operators: [
          {
            ...operator,
            builtinOptions: {
              table: 'FullyConnectedOptions',
              fusedActivationFunction: 0,
              weightsFormat: 0,
              keepNumDims: false,
              asymmetricQuantizeInputs: false,
              quantizedBiasType: 0,
            },
          },
        ],
        debugMetadataIndex: -1,
      },
    ],
    buffers: [undefined, bytesConstant(new Uint8Array(weights.buffer))],
    signatureDefs: [
      {
        signatureKey: 'probe',
        subgraphIndex: 0,
        inputs: [{ name: 'x', tensorIndex: 0 }],
        outputs: [{ name: 'y', tensorIndex: 2 }],
      },
    ],
  };
}

/** A sample for the model. */
export const probeFeed = (): Feed => ({
  x: { type: TensorType.FLOAT32, shape: [1, SIZE], data: Float32Array.from({ length: SIZE }, (_, i) => i) },
});

/** What the model makes of it. */
export const probeAnswer = (): Float32Array => Float32Array.from({ length: SIZE }, (_, i) => 2 * ((i + 1) % SIZE));
