import type { BuiltinOptions } from '../../schema/generated/tflite.ts';
import type { Operator } from '../../schema/model.ts';
import type { ConfigName } from '../recipe/types.ts';

/**
 * How the scales of an operator's activations hang together.
 * free: each operand has its own; same-as-input: outputs take the input's; same-as-output: inputs take the output's;
 * fixed-output: the kernel prescribes the output's.
 */
export type ScaleRule = 'free' | 'same-as-input' | 'same-as-output' | 'fixed-output';

/** Parameters that a kernel prescribes. */
export interface FixedParameters {
  readonly scale: number;
  readonly zeroPoint: number;
  /** Whether the range the numbers stand for leaves out the lowest code. */
  readonly symmetric: boolean;
}

/** What a spec may ask of one operator in its graph. Numbers are operand positions. */
export interface OperatorView {
  /** Shape of an operand as the file has it; free dimensions are 1. */
  readonly shape: (position: number) => readonly number[] | undefined;
  /** Values of an int32 constant; undefined where the operand is none. */
  readonly integers: (position: number) => readonly number[] | undefined;
  readonly isConstant: (position: number) => boolean;
}

/**
 * Steps with which the integer kernel of a comparison tells codes of one grid apart: from `least` on, below `limit`.
 */
export interface ComparedSteps {
  readonly least: number;
  readonly limit: number;
}

/** The operands of an operator that multiplies by weights. Numbers are operand positions. */
export interface WeightedOperands {
  readonly input: number;
  readonly weight: number;
  /** More operands that are weights, stored as the first is or not at all; some may be absent. */
  readonly otherWeights?: readonly number[];
  readonly bias?: number;
  /** Dimension of the weight that has a scale of its own per index under CHANNELWISE; undefined: one scale for all. */
  readonly channelAxis: (rank: number, operator: Operator) => number | undefined;
  /** Dimension that BLOCKWISE cuts into blocks, where the kernel knows blocks. */
  readonly blockAxis?: number;
  /** The kernel finds a row by whole bytes: rows of fewer than 8 bits a value must fill them. */
  readonly rowsFillBytes?: true;
  /** `min_weight_elements` applies in the original; with us it does everywhere. */
  readonly leavesSmallWeights: boolean;
  /** A weight that the model stores quantized already is taken as it is. */
  readonly keepsQuantizedWeights: boolean;
  /** The integer kernel reads one scale for the weight, whatever the file says. */
  readonly staticTensorwiseOnly?: true;
  /** Whether the kernel of float activations and integer weights gives wrong results with one scale. */
  readonly dynamicChannelwiseOnly?: (operator: OperatorView) => boolean;
  /** The kernel of float activations and integer weights reads one scale for a weight, whatever the file says. */
  readonly dynamicTensorwiseOnly?: true;
  /** Static rules store the weights and leave the result float: the integer kernel asks for what there is not. */
  readonly staticIsDynamic?: true;
  /** It returns rows of the weight: where they are stored rotated, its result is rotated back and not its input. */
  readonly rotatedResult?: true;
  /**
   * The least product of input step and weight step over output step, by activation bits, that the kernel does not take
   * for 0. Absent: what it would lose is below half a step.
   */
  readonly leastFactor?: (bits: number) => number;
  /**
   * How the runtime lays out the weight for itself. Operators with different layouts cannot read the same quantized
   * constant: the runtime then fails to load the model.
   */
  readonly packing: 'rows' | 'columns' | 'filters' | 'depthwise' | 'transposed';
  /** The weight may be an activation (a matrix product of two activations). */
  readonly weightMayBeActivation?: true;
}

/**
 * How a result is made of what is multiplied by a factor: product of the operands, square, root, or sum (of operands, or
 * of elements) and mean, which keep a factor where all that is added has one sign.
 */
export type FactorRule = 'product' | 'square' | 'root' | 'sum' | 'mean' | 'same';

/** What an error in its operands comes to: how `--range auto` weighs errors when it chooses ranges. */
export interface RangeFacts {
  /** The operator applies this function to every element. */
  readonly image?: { readonly name: string; readonly of: (x: number) => number };
  /** Operands of which a factor matters rather than a difference. */
  readonly relativeInputs?: readonly number[];
  /** The output is one over the root of the input: where that rounds to zero it leaves all bounds. */
  readonly reciprocalRoot?: true;
  /** Its part in a normalization that is spelled out: the squared deviations, the average, what is applied with it. */
  readonly normalization?: 'deviation' | 'average' | 'application';
  /** Adds its operands: with a constant one it only shifts. */
  readonly shifts?: true;
  /** The output is the sum or difference of the operands, so that what they are rounded by arrives in full. */
  readonly sum?: true;
  /** Results are means of several values: what it reads counts, not only what it writes. */
  readonly averages?: true;
  /** How a factor in an operand shows in the result, where it does; movements keep it in any case. */
  readonly factors?: FactorRule;
  /** Values far below the greatest of a row come out as zero. */
  readonly ignoresLowValues?: true;
}

/** An operator that takes another's place when that becomes an integer one. */
export interface IntegerForm {
  readonly builtin: number;
  readonly options: BuiltinOptions;
  /** Its second operand: one of these numbers for every element. A whole number from -1 to 1. */
  readonly constant: number;
}

/** Everything the quantizer knows of one operator. Shared code asks this and never names an operator. */
export interface OperatorSpec {
  /** Name in recipes: the builtin's, with one exception (CONV_2D_TRANSPOSE). */
  readonly name: string;
  /** Builtin code; -1 for the virtual operators INPUT and OUTPUT. */
  readonly builtin: number;
  readonly scale: ScaleRule;
  /** Operands that are never quantized whatever their type: indices, shapes, axes, conditions. */
  readonly plainInputs: readonly number[];
  readonly weighted?: WeightedOperands;
  /** For fixed-output operators, by activation bits. */
  readonly fixedOutput?: { readonly 8: FixedParameters; readonly 16?: FixedParameters };
  /** Configurations the original's policy allows. */
  readonly configs: readonly ConfigName[];
  /** Configurations we allow beyond these. */
  readonly ownConfigs?: readonly ConfigName[];
  /** Configurations of the original's that the runtime computes wrongly: only its byte-parity mode allows them. */
  readonly brokenConfigs?: readonly ConfigName[];
  /** Its result tells how two operands compare: only on one grid, of these steps, is that what it was in float. */
  readonly compares?: ComparedSteps;
  /**
   * Takes rows of one operand by the numbers in another, along this axis of it; undefined where that is not what this very
   * operator does. Numbers that there is no row for are an error.
   */
  readonly looksUp?: {
    readonly table: number;
    readonly rows: number;
    readonly axis: (operator: Operator) => number | undefined;
  };
  /** Results that are positions or counts, by output position: arithmetic on them has to be exact. */
  readonly countingOutputs?: readonly number[];
  readonly ranges?: RangeFacts;
  /**
   * The least scale of the output with which the integer kernels run, from the scales of all inputs (of a weight: the
   * largest): below it they refuse the model, or abort. Found by running them.
   */
  readonly leastOutputScale?: (inputs: readonly number[], bits: number, operator: OperatorView) => number;
  /** The largest step of the input, by activation bits, that the integer kernel computes with. Found by running it. */
  readonly greatestInputScale?: (bits: number) => number;
  /**
   * The integer kernel gives anything at all for a quotient of its operands that is not 0 and up to this many steps of the
   * output.
   */
  readonly lostQuotient?: number;
  /** Why the integer kernels are wrong for this very operator, or undefined. Asked under static rules. */
  readonly integerRefusal?: (operator: OperatorView) => string | undefined;
  /**
   * The int16 kernel draws lines between the entries of a table of this function, one for every TABLE_CELL codes: where an
   * entry does not fit the output, the whole cell is wrong.
   */
  readonly int16Table?: (x: number, operator: Operator) => number;
  /**
   * Options that the operator gets when it becomes int16, over its own: by default the kernel takes scales that happen
   * to be near powers of two for a promise, and then refuses the model.
   */
  readonly int16Options?: BuiltinOptions;
  /** Why its kernels cannot take integer weights with the options it has; undefined where they can. */
  readonly kernelFails?: (operator: Operator) => string | undefined;
  /** What computes it in integers, where its own integer kernel is wrong: another operator of its operand and a constant. */
  readonly integerForm?: IntegerForm;
  /** A composite runs a subgraph of its own; only these names have a quantized form. */
  readonly compositeNames?: readonly string[];
}

/** Input codes between two entries of the table of an int16 kernel. */
export const TABLE_CELL = 128;

/** Static int8 and int16: what operators without weights can do. */
export const STATIC: readonly ConfigName[] = ['static_wi8_ai16', 'static_wi8_ai8'];
export const STATIC_INT8: readonly ConfigName[] = ['static_wi8_ai8'];

/** Beyond the original's policy: nothing it allows, these of ours. */
export const OWN_STATIC = { configs: [], ownConfigs: STATIC } as const;
export const OWN_STATIC_INT8 = { configs: [], ownConfigs: STATIC_INT8 } as const;

type Common = Pick<OperatorSpec, 'name' | 'builtin'> & Partial<OperatorSpec>;

/** The operand at a position is a weight. */
export const isWeight = (weighted: WeightedOperands | undefined, position: number): boolean =>
  weighted !== undefined && (position === weighted.weight || weighted.otherWeights?.includes(position) === true);

/** A spec with the usual defaults: free scales, no plain operands, static int8 and int16. */
export function spec(common: Common): OperatorSpec {
  return { scale: 'free', plainInputs: [], configs: STATIC, ...common };
}
