import { AeqError } from '../../schema/errors.ts';
import { TensorType } from '../../schema/generated/tflite.ts';
import { elementCount, hasScales, tensorConstant } from '../../schema/graph.ts';
import { NO_TENSOR } from '../../schema/model.ts';
import { rangeOfScale } from '../algorithms/arithmetic.ts';
import { quantizedConstant } from '../algorithms/constants.ts';
import { extentOfAxis } from '../algorithms/extent.ts';
import { activationParameters } from '../algorithms/min-max.ts';
import type { TensorParameters } from '../algorithms/parameters.ts';
import type { ConstantRequest } from '../algorithms/request.ts';
import { type FixedParameters, isWeight } from '../ops/index.ts';
import type { TensorConfig } from '../recipe/types.ts';
import { biasWish } from './bias.ts';
import { scaleAxes } from './constant-parameters.ts';
import { fitScales } from './fit-scales.ts';
import type { Materials } from './materials.ts';
import type { RangeTable } from './ranges.ts';
import { withRotation } from './rotation.ts';
import { withScaledInput } from './scaled-input.ts';
import { type OperandWish, type OperatorTask, operatorLabel, tensorOf, unsupported } from './task.ts';
import type { WishKind } from './wish.ts';

/** The wishes of an operator that stays float: every operand is kept as it is. */
export function keepAll(operator: number, inputs: readonly number[], outputs: readonly number[]): OperandWish[] {
  const keep = (side: OperandWish['side']) => (tensor: number) => ({
    tensor,
    side,
    wish: { operator, kinds: ['keep' as const] },
  });
  return [...inputs.filter(isThere).map(keep('consumer')), ...outputs.filter(isThere).map(keep('producer'))];
}

const isThere = (tensor: number) => tensor !== NO_TENSOR;

/** An operand that takes part: a float32 tensor at a position. */
interface Operand {
  readonly position: number;
  readonly tensor: number;
}

/**
 * The wishes of an operator that is quantized, one per operand, inputs first.
 * @throws AeqError STATISTICS_MISSING when an activation has no range, OPERATOR_UNSUPPORTED, BLOCK_SIZE_MISMATCH.
 */
export function materialize(task: OperatorTask, materials: Materials): OperandWish[] {
  const casts = castsCodes(task, materials);
  const plain = plainPositions(task, casts);
  const inputs = operands(task, task.inputs, (position) => plain.has(position), casts ? TensorType.INT8 : undefined);
  const outputs = operands(task, task.outputs, () => false);
  const wishes: OperandWish[] = [
    ...kept(task, task.inputs, inputs, 'consumer'),
    ...kept(task, task.outputs, outputs, 'producer'),
  ];
  if (inputs.length + outputs.length === 0) return wishes;
  const wished = constrain(task, materials, inputs, outputs);
  const constrained = materials.conduct.fitsScales ? fitScales(task, materials, wished) : wished;
  const bias = biasWish(task, materials, constrained);
  const rest = bias ? wishes.filter(({ tensor, side }) => side !== 'consumer' || tensor !== bias.tensor) : wishes;
  const all = [...rest, ...constrained, ...(bias ? [bias] : [])];
  return withScaledInput(task, withRotation(task, materials, all));
}

/** The weight is stored as int8 already, and the numbers of its codes are taken for weights. */
function castsCodes(task: OperatorTask, { conduct }: Materials): boolean {
  const weight = task.inputs[task.spec.weighted?.weight ?? NO_TENSOR] ?? NO_TENSOR;
  const { weightsOnly, rotates, scalesInputs } = task.algorithm;
  if (!conduct.castsStoredCodes || !(weightsOnly || rotates || scalesInputs) || weight === NO_TENSOR) return false;
  return tensorOf(task, weight).type === TensorType.INT8;
}

/** Positions whose operands are left alone: index operands, the bias (it follows the others), weights that stay. */
function plainPositions(task: OperatorTask, castsStored: boolean): Set<number> {
  const plain = new Set(task.spec.plainInputs);
  const { weighted } = task.spec;
  if (!weighted) return plain;
  if (weighted.bias !== undefined) plain.add(weighted.bias);
  const weight = task.inputs[weighted.weight];
  if (weight === undefined || weight === NO_TENSOR) return plain;
  const tensor = tensorOf(task, weight);
  const constant = tensorConstant(task.model, tensor) !== undefined;
  // Asked under compat only: else such operators stay float. The original's casts and rotations do not ask.
  const { weightsOnly, rotates, scalesInputs } = task.algorithm;
  const asked = !weightsOnly && !rotates && !scalesInputs;
  const small = asked && constant && elementCount(tensor.shape) < task.config.minWeightElements;
  if ((weighted.keepsQuantizedWeights && hasScales(tensor) && !castsStored) || (weighted.leavesSmallWeights && small)) {
    plain.add(weighted.weight);
  }
  return plain;
}

function operands(
  task: OperatorTask,
  tensors: readonly number[],
  isPlain: (position: number) => boolean,
  alsoWeightOf?: number,
): Operand[] {
  const takes = (type: number, position: number) =>
    type === TensorType.FLOAT32 || (type === alsoWeightOf && position === task.spec.weighted?.weight);
  return tensors.flatMap((tensor, position) => {
    if (tensor === NO_TENSOR || isPlain(position)) return [];
    return takes(tensorOf(task, tensor).type, position) ? [{ position, tensor }] : [];
  });
}

function kept(
  task: OperatorTask,
  all: readonly number[],
  used: readonly Operand[],
  side: OperandWish['side'],
): OperandWish[] {
  const taken = new Set(used.map(({ position }) => position));
  return all.flatMap((tensor, position) =>
    tensor === NO_TENSOR || taken.has(position)
      ? []
      : [{ tensor, side, wish: { operator: task.operator, kinds: ['keep' as const] } }],
  );
}

/** Applies the operator's scale rule to the operands that take part. */
function constrain(task: OperatorTask, materials: Materials, inputs: Operand[], outputs: Operand[]): OperandWish[] {
  switch (task.mode === 'static' ? task.spec.scale : 'free') {
    case 'same-as-input':
      return sameAsInput(task, materials, inputs, outputs);
    case 'same-as-output':
      return sameAsOutput(task, materials, inputs, outputs);
    case 'fixed-output':
      return fixedOutput(task, materials, inputs, outputs);
    default:
      return [
        ...inputs.map((operand) => inputWish(task, operand, inputParameters(task, materials, operand))),
        ...outputs.map((operand) => outputWish(task, operand, outputParameters(task, materials, operand))),
      ];
  }
}

function sameAsInput(task: OperatorTask, materials: Materials, inputs: Operand[], outputs: Operand[]): OperandWish[] {
  const [input] = inputs;
  if (!input || inputs.length !== 1) throw wrongOperands(task, 'one float input', inputs.length);
  const parameters = inputParameters(task, materials, input);
  shareRange(task, materials, input, outputs, parameters);
  const given = parameters && !materials.conduct.keepsCarrier ? withoutData(parameters) : parameters;
  return [inputWish(task, input, parameters), ...outputs.map((output) => outputWish(task, output, given))];
}

function withoutData({ data: _, ...parameters }: TensorParameters): TensorParameters {
  return parameters;
}

/** Later readers of the outputs see the input's range; a constant's is the one its codes stand for. */
function shareRange(
  { subgraphIndex }: OperatorTask,
  { ranges }: Materials,
  input: Operand,
  outputs: Operand[],
  parameters: TensorParameters | undefined,
): void {
  const known = ranges.get(subgraphIndex, input.tensor);
  if (!known && !parameters) return;
  const entry = known ?? rangeOfParameters(parameters as TensorParameters);
  for (const output of outputs) ranges.share(subgraphIndex, output.tensor, entry);
}

function rangeOfParameters({ scales, zeroPoints, bits, symmetric, reason }: TensorParameters) {
  const pair = { scale: scales[0] as number, zeroPoint: zeroPoints[0] as number };
  return { ...rangeOfScale(pair, bits, symmetric), carrier: 'float64' as const, shape: [], reason };
}

function sameAsOutput(task: OperatorTask, materials: Materials, inputs: Operand[], outputs: Operand[]): OperandWish[] {
  const [output] = outputs;
  if (!output || outputs.length !== 1) throw wrongOperands(task, 'one float output', outputs.length);
  const parameters = outputParameters(task, materials, output);
  return [
    ...inputs.map((input) => inputWish(task, input, parameters && adopted(task, input.tensor, parameters))),
    outputWish(task, output, parameters),
  ];
}

/** Another tensor's parameters for an operand: a constant gets its codes from them. */
export function adopted(task: OperatorTask, tensor: number, parameters: TensorParameters): TensorParameters {
  const constant = tensorConstant(task.model, tensorOf(task, tensor));
  if (!constant) return parameters;
  const extent = extentOfAxis(tensorOf(task, tensor).shape ?? [], undefined);
  return { ...parameters, data: quantizedConstant(constant, extent, parameters) };
}

function fixedOutput(task: OperatorTask, materials: Materials, inputs: Operand[], outputs: Operand[]): OperandWish[] {
  const bits = task.config.activation?.numBits;
  const [output] = outputs;
  if (!output || outputs.length !== 1) throw wrongOperands(task, 'one output', outputs.length);
  const fixed = bits === 8 ? task.spec.fixedOutput?.[8] : bits === 16 ? task.spec.fixedOutput?.[16] : undefined;
  if (!fixed || !bits) throw unsupported(task, `its output scale is prescribed for 8 and 16 bits, not for ${bits}`);
  const wishes = inputs.map((input) => inputWish(task, input, inputParameters(task, materials, input)));
  if (materials.conduct.needsFixedStatistics) outputParameters(task, materials, output);
  const parameters = fixedParameters(fixed, bits);
  const range = rangeOfScale(fixed, bits, fixed.symmetric);
  const known = materials.ranges.get(task.subgraphIndex, output.tensor);
  if (known) Object.assign(known, { ...range, carrier: 'float64', shape: [], reason: parameters.reason });
  else materials.ranges.share(task.subgraphIndex, output.tensor, rangeOfParameters(parameters));
  return [...wishes, outputWish(task, output, parameters)];
}

function fixedParameters(fixed: FixedParameters, bits: number): TensorParameters {
  return {
    kind: 'integer',
    bits,
    unsigned: false,
    symmetric: fixed.symmetric,
    carrier: 'float64',
    scales: Float64Array.of(fixed.scale),
    zeroPoints: Float64Array.of(fixed.zeroPoint),
    axis: undefined,
    blockSize: 0,
    shape: [],
    reason: 'prescribed by the kernel',
  };
}

function inputWish(task: OperatorTask, { tensor }: Operand, parameters: TensorParameters | undefined): OperandWish {
  const constant = tensorConstant(task.model, tensorOf(task, tensor)) !== undefined;
  return { tensor, side: 'consumer', wish: wishOf(task, inputKind(task, constant, parameters), parameters) };
}

function inputKind(task: OperatorTask, constant: boolean, parameters: TensorParameters | undefined): WishKind {
  if (!parameters) return 'keep';
  if (constant) return task.mode === 'weight-only' ? 'dequantize' : 'store';
  return task.mode === 'static' ? 'quantize' : 'keep';
}

function outputWish(task: OperatorTask, { tensor }: Operand, parameters: TensorParameters | undefined): OperandWish {
  const kind = task.mode === 'static' && parameters ? 'dequantize' : 'keep';
  return { tensor, side: 'producer', wish: wishOf(task, kind, parameters) };
}

function wishOf(task: OperatorTask, kind: WishKind, parameters: TensorParameters | undefined) {
  const { operator } = task;
  return kind === 'keep' || !parameters ? { operator, kinds: [kind] } : { operator, kinds: [kind], parameters };
}

/** Parameters a reader wants: of the constant, or of the activation's range. None where the mode leaves it float. */
function inputParameters(task: OperatorTask, materials: Materials, operand: Operand): TensorParameters | undefined {
  const tensor = tensorOf(task, operand.tensor);
  const constant = tensorConstant(task.model, tensor);
  if (!constant) return task.mode === 'static' ? rangeParameters(task, materials, operand) : undefined;
  const { weighted } = task.spec;
  const anyConstant = materials.conduct.everyConstantIsWeight && !task.algorithm.weightsOnly;
  const asWeight = weighted && (anyConstant || isWeight(weighted, operand.position));
  const config = asWeight ? task.config.weight : task.config.activation;
  if (!config || (!asWeight && task.mode !== 'static')) return undefined;
  const range = materials.conduct.statisticsOverrideConstants
    ? materials.ranges.get(task.subgraphIndex, operand.tensor)
    : undefined;
  const make = range && makerWithRange(task, operand, range, config);
  return materials.constants.of(task, operand.tensor, operand.position, constant, config, make);
}

function makerWithRange(
  task: OperatorTask,
  operand: Operand,
  range: NonNullable<ReturnType<RangeTable['get']>>,
  config: TensorConfig,
): ((request: ConstantRequest) => TensorParameters) | undefined {
  const { withRange } = task.algorithm;
  if (withRange === 'replaces') return () => constantOfRange(task, operand, range, config);
  return withRange && ((request) => withRange(request, range));
}

function constantOfRange(
  task: OperatorTask,
  operand: Operand,
  range: NonNullable<ReturnType<RangeTable['get']>>,
  config: TensorConfig,
): TensorParameters {
  const parameters = activationParameters(range, config, 'calibrated statistics of the constant');
  const axis = scaleAxes(task, operand.position).channelAxis;
  return {
    ...adopted(task, operand.tensor, parameters),
    axis: config.granularity === 'CHANNELWISE' ? axis : undefined,
  };
}

function outputParameters(task: OperatorTask, materials: Materials, operand: Operand): TensorParameters | undefined {
  return task.mode === 'static' ? rangeParameters(task, materials, operand) : undefined;
}

function rangeParameters(task: OperatorTask, materials: Materials, { tensor }: Operand): TensorParameters {
  const range = materials.ranges.get(task.subgraphIndex, tensor);
  const config = task.config.activation;
  if (!config) throw unsupported(task, 'static quantization needs an activation configuration');
  if (!range) throw missingStatistics(task, tensor);
  if (!materials.conduct.keepsCarrier && !Number.isFinite(range.max - range.min))
    throw unusableRange(task, tensor, range);
  return activationParameters(range, config, range.reason);
}

function unusableRange(task: OperatorTask, tensor: number, { min, max }: { min: number; max: number }): AeqError {
  const name = tensorOf(task, tensor).name || `tensor ${tensor}`;
  return new AeqError('CALIBRATION_NAN', `the calibrated range of ${name} is [${min}, ${max}]`, {
    where: { subgraph: task.subgraphIndex, operator: operatorLabel(task), tensor: name },
    hint: 'look for NaN or infinite values in the samples, or leave the operator out with a no_quantize rule',
  });
}

function missingStatistics(task: OperatorTask, tensor: number): AeqError {
  const name = tensorOf(task, tensor).name || `tensor ${tensor}`;
  return new AeqError('STATISTICS_MISSING', `no calibrated range for ${name}, which ${task.spec.name} needs`, {
    where: { subgraph: task.subgraphIndex, operator: operatorLabel(task), tensor: name },
    hint: 'calibrate the model (and the signature) that is quantized, with the same recipe or without --recipe',
  });
}

function wrongOperands(task: OperatorTask, expected: string, found: number): AeqError {
  return unsupported(task, `expected ${expected}, found ${found}`);
}
