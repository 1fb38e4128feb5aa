/** One small float model per operator (and form of it): what the operator suite and the kernel probe run. */
import { ActivationFunctionType, Padding } from '../../schema/generated/tflite.ts';
import type { Model } from '../../schema/model.ts';
import {
  ModelBuilder,
  type OperatorName,
  type OptionsOf,
  randomFloats,
  type SubgraphBuilder,
} from './model-builder.ts';

/** Where an operator's weights are, for those that have any. Numbers are operand positions and dimensions. */
export interface ZooWeights {
  readonly weight: number;
  readonly axis: number;
  readonly bias?: number;
  readonly input: number;
}

export interface ZooEntry {
  /** `STRIDED_SLICE`, or `ADD/constant` for another form of it. */
  readonly name: string;
  readonly operator: OperatorName;
  readonly weights?: ZooWeights;
  /** Values of the float inputs are uniform in this range. */
  readonly range: readonly [number, number];
  readonly model: Model;
}

/** Kernels whose first registered version is not 1. */
const FIRST_VERSIONS: Partial<Record<OperatorName, number>> = { BROADCAST_TO: 2 };

type Build = (main: SubgraphBuilder, shape: readonly number[]) => number | readonly number[];

interface Form {
  readonly range?: readonly [number, number];
  readonly weights?: ZooWeights;
}

const FLAT = [2, 12];
const IMAGE = [1, 4, 4, 4];
const { fround } = Math;

function entry(name: string, build: Build, { range = [-2, 2], weights }: Form = {}): ZooEntry {
  const builder = new ModelBuilder(name);
  const main = builder.subgraph();
  const outputs = [build(main, FLAT)].flat();
  main.outputs(...outputs);
  const { inputs } = builder.build().subgraphs[0] ?? { inputs: [] };
  const named = (tensors: readonly number[], stem: string) =>
    Object.fromEntries(tensors.map((tensor, index) => [`${stem}${index}`, tensor]));
  builder.signature('serving_default', { inputs: named(inputs, 'in'), outputs: named(outputs, 'out') });
  const operator = name.split('/')[0] as OperatorName;
  for (const code of builder.build().operatorCodes) code.version = FIRST_VERSIONS[operator] ?? 1;
  return { name, operator, range, ...(weights && { weights }), model: builder.build() };
}

const unary =
  <N extends OperatorName>(operator: N, options: OptionsOf<N> = {}, shape: readonly number[] = FLAT): Build =>
  (main) =>
    main.operator(operator, [main.input('x', shape)], { name: 'y', shape }, options);

const binary =
  <N extends OperatorName>(operator: N, type: 'FLOAT32' | 'BOOL' = 'FLOAT32'): Build =>
  (main, shape) =>
    main.operator(operator, [main.input('a', shape), main.input('b', shape)], { name: 'y', shape, type });

const withConstant =
  (operator: OperatorName, constantShape: readonly number[], low = -1, high = 1): Build =>
  (main, shape) => {
    const count = constantShape.reduce((product, length) => product * length, 1);
    const constant = main.constant('constant', constantShape, randomFloats(count, 7, low, high));
    return main.operator(operator, [main.input('x', shape), constant], { name: 'y', shape });
  };

/** An operator of one float operand and integer constants after it. */
const withIntegers =
  <N extends OperatorName>(
    operator: N,
    from: readonly number[],
    to: readonly number[],
    integers: readonly (readonly [values: readonly number[], shape?: readonly number[]])[],
    options: OptionsOf<N> = {},
  ): Build =>
  (main) => {
    const x = main.input('x', from);
    const constants = integers.map(([values, shape = [values.length]], index) =>
      main.constant(`integers${index}`, shape, Int32Array.from(values)),
    );
    return main.operator(operator, [x, ...constants], { name: 'y', shape: to }, options);
  };

const reduction = (operator: OperatorName, keepDims = false): Build =>
  withIntegers(operator, IMAGE, keepDims ? [1, 1, 1, 4] : [1, 4], [[[1, 2]]], { keepDims } as OptionsOf<
    typeof operator
  >);

const CONVOLUTION = { padding: Padding.SAME, strideW: 1, strideH: 1, dilationWFactor: 1, dilationHFactor: 1 };
const WINDOW = { padding: Padding.VALID, strideW: 2, strideH: 2, filterWidth: 2, filterHeight: 2 };

const fullyConnected =
  (withBias: boolean, fusedActivationFunction: number = ActivationFunctionType.NONE): Build =>
  (main) => {
    const weight = main.constant('weight', [32, 64], randomFloats(2048, 1));
    const bias = withBias ? main.constant('bias', [32], randomFloats(32, 2)) : -1;
    const operands = [main.input('x', [2, 64]), weight, bias];
    return main.operator('FULLY_CONNECTED', operands, { name: 'y', shape: [2, 32] }, { fusedActivationFunction });
  };

const convolution =
  (fusedActivationFunction: number = ActivationFunctionType.NONE): Build =>
  (main) => {
    const weight = main.constant('weight', [8, 3, 3, 4], randomFloats(288, 1));
    const operands = [main.input('x', IMAGE), weight, main.constant('bias', [8], randomFloats(8, 2))];
    const options = { ...CONVOLUTION, fusedActivationFunction };
    return main.operator('CONV_2D', operands, { name: 'y', shape: [1, 4, 4, 8] }, options);
  };

const depthwise: Build = (main) => {
  const weight = main.constant('weight', [1, 3, 3, 4], randomFloats(36, 1));
  const operands = [main.input('x', IMAGE), weight, main.constant('bias', [4], randomFloats(4, 2))];
  return main.operator(
    'DEPTHWISE_CONV_2D',
    operands,
    { name: 'y', shape: IMAGE },
    { ...CONVOLUTION, depthMultiplier: 1 },
  );
};

const transposedConvolution: Build = (main) => {
  const shape = main.constant('shape', [4], Int32Array.of(1, 8, 8, 6));
  const weight = main.constant('weight', [6, 3, 3, 4], randomFloats(216, 1));
  const operands = [shape, weight, main.input('x', IMAGE), main.constant('bias', [6], randomFloats(6, 2))];
  const options = { padding: Padding.SAME, strideW: 2, strideH: 2 };
  return main.operator('TRANSPOSE_CONV', operands, { name: 'y', shape: [1, 8, 8, 6] }, options);
};

const batchMatmul =
  (second: 'activation' | 'constant' | 'transposed constant' | 'constant left'): Build =>
  (main) => {
    const adjY = second === 'transposed constant';
    const shape = adjY ? [2, 6, 8] : [2, 8, 6];
    const left =
      second === 'constant left' ? main.constant('left', [2, 4, 8], randomFloats(64, 3)) : main.input('a', [2, 4, 8]);
    const isInput = second === 'activation' || second === 'constant left';
    const right = isInput ? main.input('b', shape) : main.constant('weight', shape, randomFloats(96, 1));
    return main.operator('BATCH_MATMUL', [left, right], { name: 'y', shape: [2, 4, 6] }, { adjY });
  };

const embedding: Build = (main) => {
  const ids = main.input('ids', [3], { type: 'INT32' });
  return main.operator('EMBEDDING_LOOKUP', [ids, main.constant('table', [8, 64], randomFloats(512, 1))], {
    name: 'y',
    shape: [3, 64],
  });
};

const concatenation =
  (constant: boolean): Build =>
  (main) => {
    const right = constant ? main.constant('k', [2, 4], randomFloats(8, 5)) : main.input('b', [2, 4]);
    return main.operator('CONCATENATION', [main.input('a', [2, 6]), right], { name: 'y', shape: [2, 10] }, { axis: 1 });
  };

const select =
  (operator: 'SELECT' | 'SELECT_V2'): Build =>
  (main, shape) => {
    const condition = main.input('condition', shape, { type: 'BOOL' });
    return main.operator(operator, [condition, main.input('a', shape), main.input('b', shape)], { name: 'y', shape });
  };

const compare = (operator: OperatorName): ZooEntry => entry(operator, binary(operator, 'BOOL'));

const indexOf =
  (operator: 'ARG_MAX' | 'ARG_MIN'): Build =>
  (main, shape) => {
    const axis = main.constant('axis', [], Int32Array.of(1));
    const result = { name: 'y', shape: [2], type: 'INT32' } as const;
    return main.operator(operator, [main.input('x', shape), axis], result, { outputType: 2 });
  };

const topK: Build = (main, shape) => {
  const k = main.constant('k', [], Int32Array.of(3));
  const results = [
    { name: 'values', shape: [2, 3] },
    { name: 'indices', shape: [2, 3], type: 'INT32' as const },
  ];
  return main.operators('TOPK_V2', [main.input('x', shape), k], results);
};

const pieces = (names: readonly string[], shape: readonly number[]) => names.map((name) => ({ name, shape }));

const split: Build = (main) => {
  const axis = main.constant('axis', [], Int32Array.of(1));
  return main.operators('SPLIT', [axis, main.input('x', FLAT)], pieces(['a', 'b', 'c'], [2, 4]), { numSplits: 3 });
};

const splitV: Build = (main) => {
  const sizes = main.constant('sizes', [2], Int32Array.of(5, 7));
  const axis = main.constant('axis', [], Int32Array.of(1));
  const results = [...pieces(['a'], [2, 5]), ...pieces(['b'], [2, 7])];
  return main.operators('SPLIT_V', [main.input('x', FLAT), sizes, axis], results, { numSplits: 2 });
};

const dynamicUpdate: Build = (main) => {
  const start = main.constant('start', [2], Int32Array.of(1, 2));
  const operands = [main.input('operand', [4, 6]), main.input('update', [2, 3]), start];
  return main.operator('DYNAMIC_UPDATE_SLICE', operands, { name: 'y', shape: [4, 6] });
};

const strided = (shrinkAxisMask: number, to: readonly number[]): Build =>
  withIntegers('STRIDED_SLICE', [2, 6, 4], to, [[[0, 1, 0]], [[2, 6, 4]], [[1, 2, 1]]], { shrinkAxisMask });

const padV2: Build = (main) => {
  const paddings = main.constant('paddings', [4, 2], Int32Array.of(0, 0, 1, 1, 1, 1, 0, 0));
  const value = main.constant('value', [], Float32Array.of(fround(-1.5)));
  return main.operator('PADV2', [main.input('x', IMAGE), paddings, value], { name: 'y', shape: [1, 6, 6, 4] });
};

const prelu: Build = (main) => {
  const alpha = main.constant('alpha', [1, 1, 4], randomFloats(4, 3, 0, 0.5));
  return main.operator('PRELU', [main.input('x', IMAGE), alpha], { name: 'y', shape: IMAGE });
};

const PADDINGS = [
  [0, 0, 1, 1, 1, 1, 0, 0],
  [4, 2],
] as const;
const POSITIVE = { range: [0.5, 4] } as const;

/** Every operator that some integer kernel might take, and forms of it that kernels treat differently. */
export const operatorZoo: readonly ZooEntry[] = [
  entry('FULLY_CONNECTED', fullyConnected(true), { weights: { input: 0, weight: 1, axis: 0, bias: 2 } }),
  entry('FULLY_CONNECTED/no bias', fullyConnected(false), { weights: { input: 0, weight: 1, axis: 0 } }),
  entry('FULLY_CONNECTED/relu', fullyConnected(true, ActivationFunctionType.RELU), {
    weights: { input: 0, weight: 1, axis: 0, bias: 2 },
  }),
  entry('CONV_2D', convolution(), { weights: { input: 0, weight: 1, axis: 0, bias: 2 } }),
  entry('CONV_2D/relu6', convolution(ActivationFunctionType.RELU6), {
    weights: { input: 0, weight: 1, axis: 0, bias: 2 },
  }),
  entry('DEPTHWISE_CONV_2D', depthwise, { weights: { input: 0, weight: 1, axis: 3, bias: 2 } }),
  entry('TRANSPOSE_CONV', transposedConvolution, { weights: { input: 2, weight: 1, axis: 0, bias: 3 } }),
  entry('BATCH_MATMUL', batchMatmul('activation')),
  entry('BATCH_MATMUL/constant', batchMatmul('constant'), { weights: { input: 0, weight: 1, axis: 2 } }),
  entry('BATCH_MATMUL/transposed', batchMatmul('transposed constant'), { weights: { input: 0, weight: 1, axis: 1 } }),
  entry('BATCH_MATMUL/constant left', batchMatmul('constant left')),
  entry('EMBEDDING_LOOKUP', embedding, { weights: { input: 0, weight: 1, axis: 0 } }),
  entry('ADD', binary('ADD')),
  entry('ADD/constant', withConstant('ADD', [12])),
  entry('SUB', binary('SUB')),
  entry('MUL', binary('MUL')),
  entry('MUL/constant', withConstant('MUL', [12])),
  entry('DIV', binary('DIV'), POSITIVE),
  entry('FLOOR_DIV', binary('FLOOR_DIV'), POSITIVE),
  entry('FLOOR_MOD', binary('FLOOR_MOD'), POSITIVE),
  entry('POW', binary('POW'), POSITIVE),
  entry('ATAN2', binary('ATAN2')),
  entry('SQUARED_DIFFERENCE', binary('SQUARED_DIFFERENCE')),
  entry('MAXIMUM', binary('MAXIMUM')),
  entry('MAXIMUM/constant', withConstant('MAXIMUM', [12])),
  entry('MINIMUM', binary('MINIMUM')),
  entry('MINIMUM/constant', withConstant('MINIMUM', [12])),
  entry('RELU', unary('RELU')),
  entry('RELU6', unary('RELU6')),
  entry('RELU_N1_TO_1', unary('RELU_N1_TO_1')),
  entry('RELU_0_TO_1', unary('RELU_0_TO_1')),
  entry('LEAKY_RELU', unary('LEAKY_RELU', { alpha: fround(0.1) })),
  entry('PRELU', prelu),
  entry('ELU', unary('ELU')),
  entry('GELU', unary('GELU')),
  entry('GELU/approximate', unary('GELU', { approximate: true })),
  entry('HARD_SWISH', unary('HARD_SWISH')),
  entry('ABS', unary('ABS')),
  entry('NEG', unary('NEG')),
  entry('SIGN', unary('SIGN')),
  entry('EXP', unary('EXP')),
  entry('LOG', unary('LOG'), POSITIVE),
  entry('SIN', unary('SIN')),
  entry('COS', unary('COS')),
  entry('SQRT', unary('SQRT'), POSITIVE),
  entry('RSQRT', unary('RSQRT'), POSITIVE),
  entry('SQUARE', unary('SQUARE')),
  entry('FLOOR', unary('FLOOR')),
  entry('CEIL', unary('CEIL')),
  entry('ROUND', unary('ROUND')),
  entry('LOGISTIC', unary('LOGISTIC')),
  entry('TANH', unary('TANH')),
  entry('SOFTMAX', unary('SOFTMAX', { beta: 1 })),
  entry('LOG_SOFTMAX', unary('LOG_SOFTMAX')),
  entry('L2_NORMALIZATION', unary('L2_NORMALIZATION')),
  entry('MEAN', reduction('MEAN')),
  entry('MEAN/keep', reduction('MEAN', true)),
  entry('SUM', reduction('SUM')),
  entry('REDUCE_MAX', reduction('REDUCE_MAX')),
  entry('REDUCE_MIN', reduction('REDUCE_MIN')),
  entry('REDUCE_PROD', reduction('REDUCE_PROD')),
  entry('CUMSUM', withIntegers('CUMSUM', FLAT, FLAT, [[[1], []]])),
  entry('AVERAGE_POOL_2D', (main) => {
    return main.operator('AVERAGE_POOL_2D', [main.input('x', IMAGE)], { name: 'y', shape: [1, 2, 2, 4] }, WINDOW);
  }),
  entry('MAX_POOL_2D', (main) => {
    return main.operator('MAX_POOL_2D', [main.input('x', IMAGE)], { name: 'y', shape: [1, 2, 2, 4] }, WINDOW);
  }),
  entry('L2_POOL_2D', (main) => {
    return main.operator('L2_POOL_2D', [main.input('x', IMAGE)], { name: 'y', shape: [1, 2, 2, 4] }, WINDOW);
  }),
  entry(
    'RESIZE_BILINEAR',
    withIntegers('RESIZE_BILINEAR', IMAGE, [1, 8, 8, 4], [[[8, 8]]], { halfPixelCenters: true }),
  ),
  entry('RESIZE_NEAREST_NEIGHBOR', withIntegers('RESIZE_NEAREST_NEIGHBOR', IMAGE, [1, 8, 8, 4], [[[8, 8]]])),
  entry('RESHAPE', withIntegers('RESHAPE', FLAT, [4, 6], [[[4, 6]]], { newShape: [4, 6] })),
  entry('SQUEEZE', (main) => {
    return main.operator(
      'SQUEEZE',
      [main.input('x', [1, 4, 1, 3])],
      { name: 'y', shape: [4, 3] },
      { squeezeDims: [0, 2] },
    );
  }),
  entry('EXPAND_DIMS', withIntegers('EXPAND_DIMS', FLAT, [2, 1, 12], [[[1], []]])),
  entry('TRANSPOSE', withIntegers('TRANSPOSE', [2, 3, 4], [2, 4, 3], [[[0, 2, 1]]])),
  entry('TILE', withIntegers('TILE', [2, 3], [4, 9], [[[2, 3]]])),
  entry('BROADCAST_TO', withIntegers('BROADCAST_TO', [1, 6], [4, 6], [[[4, 6]]])),
  entry('REVERSE_V2', withIntegers('REVERSE_V2', FLAT, FLAT, [[[1]]])),
  entry('SLICE', withIntegers('SLICE', [2, 6, 4], [2, 3, 2], [[[0, 1, 2]], [[2, 3, 2]]])),
  entry('STRIDED_SLICE', strided(0, [2, 3, 4])),
  entry(
    'STRIDED_SLICE/shrink',
    withIntegers('STRIDED_SLICE', [2, 12], [12], [[[1, 0]], [[2, 12]], [[1, 1]]], { shrinkAxisMask: 1 }),
  ),
  entry('GATHER', withIntegers('GATHER', [4, 6], [3, 6], [[[0, 3, 1]]])),
  entry(
    'GATHER_ND',
    withIntegers(
      'GATHER_ND',
      [4, 4, 3],
      [2, 3],
      [
        [
          [0, 1, 3, 2],
          [2, 2],
        ],
      ],
    ),
  ),
  entry('PAD', withIntegers('PAD', IMAGE, [1, 6, 6, 4], [PADDINGS])),
  entry('PADV2', padV2),
  entry('MIRROR_PAD', withIntegers('MIRROR_PAD', IMAGE, [1, 6, 6, 4], [PADDINGS])),
  entry('SPACE_TO_DEPTH', (main) => {
    return main.operator(
      'SPACE_TO_DEPTH',
      [main.input('x', IMAGE)],
      { name: 'y', shape: [1, 2, 2, 16] },
      { blockSize: 2 },
    );
  }),
  entry('DEPTH_TO_SPACE', (main) => {
    return main.operator(
      'DEPTH_TO_SPACE',
      [main.input('x', IMAGE)],
      { name: 'y', shape: [1, 8, 8, 1] },
      { blockSize: 2 },
    );
  }),
  entry(
    'SPACE_TO_BATCH_ND',
    withIntegers(
      'SPACE_TO_BATCH_ND',
      IMAGE,
      [4, 2, 2, 4],
      [
        [[2, 2]],
        [
          [0, 0, 0, 0],
          [2, 2],
        ],
      ],
    ),
  ),
  entry(
    'BATCH_TO_SPACE_ND',
    withIntegers(
      'BATCH_TO_SPACE_ND',
      [4, 2, 2, 4],
      [1, 4, 4, 4],
      [
        [[2, 2]],
        [
          [0, 0, 0, 0],
          [2, 2],
        ],
      ],
    ),
  ),
  entry('SPLIT', split),
  entry('SPLIT_V', splitV),
  entry('UNPACK', (main) => {
    return main.operators('UNPACK', [main.input('x', [2, 3])], pieces(['a', 'b'], [3]), { num: 2, axis: 0 });
  }),
  entry('PACK', (main) => {
    const operands = [main.input('a', [2, 3]), main.input('b', [2, 3])];
    return main.operator('PACK', operands, { name: 'y', shape: [2, 2, 3] }, { valuesCount: 2, axis: 1 });
  }),
  entry('CONCATENATION', concatenation(false)),
  entry('CONCATENATION/constant', concatenation(true)),
  entry('SELECT', select('SELECT')),
  entry('SELECT_V2', select('SELECT_V2')),
  entry('DYNAMIC_UPDATE_SLICE', dynamicUpdate),
  entry('TOPK_V2', topK),
  entry('ARG_MAX', indexOf('ARG_MAX')),
  entry('ARG_MIN', indexOf('ARG_MIN')),
  compare('EQUAL'),
  compare('NOT_EQUAL'),
  compare('GREATER'),
  compare('GREATER_EQUAL'),
  compare('LESS'),
  compare('LESS_EQUAL'),
];
