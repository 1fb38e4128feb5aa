import type { RangeSource } from '../../calibration/ranges/range.ts';
import type { Constant } from '../../schema/constant.ts';
import type { ProductSums } from '../../schema/documents/calibration-products.ts';
import { AeqError } from '../../schema/errors.ts';
import { TensorType } from '../../schema/generated/tflite.ts';
import { NO_TENSOR } from '../../schema/model.ts';
import { codesAsFloats } from '../algorithms/constants.ts';
import type { TensorParameters } from '../algorithms/parameters.ts';
import type { ConstantRequest } from '../algorithms/request.ts';
import { isWeight } from '../ops/index.ts';
import { blockSize, type TensorConfig } from '../recipe/types.ts';
import type { Conduct } from './conduct.ts';
import { type OperatorTask, operatorLabel, tensorOf, unsupported, viewOf } from './task.ts';

/** Parameters of constants, made once for all readers that want the same: they then share one stored copy. */
export class ConstantParameters {
  readonly #conduct: Conduct;
  readonly #forecast: boolean;
  readonly #known = new Map<string, TensorParameters>();
  readonly #learnedOf: Learned;
  /** How many weights were made with products, so far. */
  readonly #uses = new Map<ProductSums, number>();

  /** @param learned what was seen of activations; by default nothing. @param forecast see PlanOptions. */
  constructor(conduct: Conduct, learned: Learned = {}, forecast = false) {
    this.#conduct = conduct;
    this.#learnedOf = learned;
    this.#forecast = forecast;
  }

  /**
   * Parameters and codes of the constant at an operand position: by the rule's algorithm, or by `make` where something
   * else decides. @throws AeqError BLOCK_SIZE_MISMATCH and what else the algorithm throws.
   */
  of(
    task: OperatorTask,
    tensor: number,
    position: number,
    stored: Constant,
    config: TensorConfig,
    make = task.algorithm.constantParameters,
  ): TensorParameters {
    const { buffer } = tensorOf(task, tensor);
    const request = this.request(task, tensor, position, stored, config);
    const packing = this.#conduct.sharesParametersBlindly ? undefined : packingOf(task, position);
    const key = this.#key(task, buffer, request, packing);
    const known = this.#known.get(key);
    if (known) return known;
    const made = make({ ...request, ...this.#learned(task, position, request) });
    const parameters = packing ? { ...made, packing } : made;
    this.#known.set(key, parameters);
    return parameters;
  }

  /** What the rule's algorithm is asked for. */
  request(
    task: OperatorTask,
    tensor: number,
    position: number,
    stored: Constant,
    config: TensorConfig,
  ): ConstantRequest {
    const { shape = [], type } = tensorOf(task, tensor);
    const axes = scaleAxes(task, position);
    return {
      constant: type === TensorType.INT8 ? codesAsFloats(stored) : stored,
      shape,
      config: this.#conduct.channelScalesForAll ? config : fittingConfig(task, config, shape, axes.blockAxis),
      ...axes,
      asOriginal: this.#conduct.sharesParametersBlindly,
      forecast: this.#forecast,
      unchecked: task.config.skipChecks,
    };
  }

  /** What the algorithm learns from the rows that the weight is multiplied by. */
  #learned(task: OperatorTask, position: number, request: ConstantRequest): Partial<ConstantRequest> {
    const { weighted } = task.spec;
    const { learnsFrom } = task.algorithm;
    if (!learnsFrom || !weighted || weighted.weight !== position) return {};
    const input = task.inputs[weighted.input] ?? NO_TENSOR;
    if (learnsFrom === 'squares') return this.#squares(task, input, request);
    const products = input === NO_TENSOR ? undefined : this.#learnedOf.products?.(task.subgraphIndex, input);
    if (!products) throw unknownInput(task, input);
    requireRows(task, input, request, products.channels);
    const dampings = (this.#uses.get(products) ?? 0) + 1;
    this.#uses.set(products, dampings);
    return { products, dampings };
  }

  #squares(task: OperatorTask, input: number, request: ConstantRequest): Partial<ConstantRequest> {
    const meanSquares = input === NO_TENSOR ? undefined : this.#learnedOf.meanSquares?.(task.subgraphIndex, input);
    if (meanSquares) requireRows(task, input, request, meanSquares.length);
    else if (!request.asOriginal) throw unknownInput(task, input);
    return meanSquares ? { meanSquares } : {};
  }

  #key(
    task: OperatorTask,
    buffer: number,
    { shape, config, channelAxis, blockAxis }: ConstantRequest,
    packing: string | undefined,
  ): string {
    const parts = [buffer, config.numBits, config.symmetric, config.granularity, config.dtype];
    if (this.#conduct.sharesParametersBlindly) return [...parts, JSON.stringify(config.algorithmParams)].join();
    return [...parts, packing, task.algorithm.key, `[${shape}]`, channelAxis, blockAxis].join();
  }
}

type Learned = Pick<RangeSource, 'products' | 'meanSquares'>;

/** What was learned is of rows that the weight can be multiplied by; the original also wants the tensor to be such rows. */
function requireRows(task: OperatorTask, input: number, { shape, asOriginal }: ConstantRequest, length: number): void {
  const own = shape.at(-1);
  if (length === own && !(asOriginal && tensorOf(task, input).shape?.at(-1) !== own)) return;
  throw unsupported(task, `its weight has rows of ${own} values, its input of ${length}`);
}

function unknownInput(task: OperatorTask, input: number): AeqError {
  const name = input === NO_TENSOR ? 'an absent tensor' : tensorOf(task, input).name || `tensor ${input}`;
  return new AeqError(
    'STATISTICS_MISSING',
    `${task.algorithm.key} needs ${task.algorithm.learnsFrom} of the values of ${name}`,
    {
      where: { subgraph: task.subgraphIndex, operator: operatorLabel(task), tensor: name },
      hint: 'they are collected where the recipe is known: give --recipe to aeq calibrate, or samples to aeq quantize',
    },
  );
}

const packingOf = ({ spec }: OperatorTask, position: number) =>
  isWeight(spec.weighted, position) ? spec.weighted?.packing : undefined;

/** Which dimension has the channels and which the blocks, for the operand's operator. */
export function scaleAxes(task: OperatorTask, position: number): Pick<ConstantRequest, 'channelAxis' | 'blockAxis'> {
  const { weighted } = task.spec;
  const tensor = task.inputs[position];
  if (!weighted || !task.node || tensor === undefined) return { channelAxis: undefined, blockAxis: undefined };
  const rank = tensorOf(task, tensor).shape?.length ?? 1;
  return { channelAxis: weighted.channelAxis(rank, task.node), blockAxis: weighted.blockAxis };
}

/** Where the kernel needs one scale, or one a channel, or where no blocks fit, the recipe's granularity gives way. */
export function fittingConfig(
  task: OperatorTask,
  config: TensorConfig,
  shape: readonly number[],
  blockAxis: number | undefined,
): TensorConfig {
  const block = blockSize(config.granularity);
  if (block !== undefined && (shape[blockAxis ?? -1] ?? 1) % block !== 0) {
    return { ...config, granularity: 'CHANNELWISE' };
  }
  const { mode, spec } = task;
  if (mode === 'static' && spec.weighted?.staticTensorwiseOnly) return { ...config, granularity: 'TENSORWISE' };
  if (mode === 'dynamic' && spec.weighted?.dynamicTensorwiseOnly) return { ...config, granularity: 'TENSORWISE' };
  if (mode === 'dynamic' && spec.weighted?.dynamicChannelwiseOnly?.(viewOf(task))) {
    return { ...config, granularity: 'CHANNELWISE' };
  }
  return config;
}
