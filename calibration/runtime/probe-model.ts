import type { Feed } from '../../datasets/sample.ts';
import { bytesConstant } from '../../schema/constant.ts';
import { BuiltinOperator, Padding, TensorType } from '../../schema/generated/tflite.ts';
import type { Model, Operator, Tensor } from '../../schema/model.ts';

const SIZE = 64;

/**
 * A tiny model with a known answer: y = 2 x, moved by one place, so that y[i] = 2 x[(i + 1) % 64]. Used to find out
 * whether an interpreter works here. One FULLY_CONNECTED, signature `probe`, x and y float32 [1, 64].
 */
export function probeModel(): Model {
  const weights = new Float32Array(SIZE * SIZE);
  for (let row = 0; row < SIZE; row += 1) weights[row * SIZE + ((row + 1) % SIZE)] = 2;
  return oneOperator(BuiltinOperator.FULLY_CONNECTED, [1, SIZE], [SIZE, SIZE], weights, {
    table: 'FullyConnectedOptions',
    fusedActivationFunction: 0,
    weightsFormat: 0,
    keepNumDims: false,
    asymmetricQuantizeInputs: false,
    quantizedBiasType: 0,
  });
}

/** A sample for the model. */
export const probeFeed = (): Feed => float([1, SIZE], (i) => i);

/** What the model makes of it. */
export const probeAnswer = (): Float32Array => Float32Array.from({ length: SIZE }, (_, i) => 2 * ((i + 1) % SIZE));

const SIDE = 64;
const CHANNELS_IN = 16;
const CHANNELS_OUT = 64;

/** One CONV_2D 3x3 over float32 [1, 64, 64, 16] to 64 channels: 37.7 million multiplications, to see how fast it runs. */
export function speedModel(): Model {
  const filter = Float32Array.from({ length: CHANNELS_OUT * 9 * CHANNELS_IN }, (_, i) => ((i * 37) % 101) / 101 - 0.5);
  return oneOperator(BuiltinOperator.CONV_2D, [1, SIDE, SIDE, CHANNELS_IN], [CHANNELS_OUT, 3, 3, CHANNELS_IN], filter, {
    table: 'Conv2DOptions',
    padding: Padding.SAME,
    strideW: 1,
    strideH: 1,
    fusedActivationFunction: 0,
    dilationWFactor: 1,
    dilationHFactor: 1,
    quantizedBiasType: 0,
  });
}

/** A sample for that model. */
export const speedFeed = (): Feed => float([1, SIDE, SIDE, CHANNELS_IN], (i) => (i % 17) / 17);

function float(shape: readonly number[], value: (index: number) => number): Feed {
  const length = shape.reduce((product, size) => product * size, 1);
  return { x: { type: TensorType.FLOAT32, shape, data: Float32Array.from({ length }, (_, i) => value(i)) } };
}

/** x and constant weights into one operator; y has the shape of x but for the last dimension, the first of the weights. */
function oneOperator(
  builtinCode: number,
  shape: readonly number[],
  weightShape: readonly number[],
  weights: Float32Array<ArrayBuffer>,
  builtinOptions: NonNullable<Operator['builtinOptions']>,
): Model {
  const tensor = (name: string, size: readonly number[], buffer: number): Tensor => ({
    name,
    shape: [...size],
    type: TensorType.FLOAT32,
    buffer,
    isVariable: false,
    hasRank: false,
    externalBuffer: 0,
  });
  const channels = weightShape[0] ?? 0;
  const bias = new Float32Array(channels);
  return {
    version: 3,
    operatorCodes: [{ builtinCode, deprecatedBuiltinCode: builtinCode, version: 1 }],
    subgraphs: [
      {
        tensors: [
          tensor('x', shape, 0),
          tensor('weights', weightShape, 1),
          tensor('bias', [channels], 2),
          tensor('y', [...shape.slice(0, -1), channels], 0),
        ],
        inputs: [0],
        outputs: [3],
        operators: [
          {
            opcodeIndex: 0,
            inputs: [0, 1, 2],
            outputs: [3],
            builtinOptions,
            customOptionsFormat: 0,
            debugMetadataIndex: -1,
          },
        ],
        debugMetadataIndex: -1,
      },
    ],
    buffers: [undefined, bytesConstant(new Uint8Array(weights.buffer)), bytesConstant(new Uint8Array(bias.buffer))],
    signatureDefs: [
      {
        signatureKey: 'probe',
        subgraphIndex: 0,
        inputs: [{ name: 'x', tensorIndex: 0 }],
        outputs: [{ name: 'y', tensorIndex: 3 }],
      },
    ],
  };
}
