import { elementwiseSpecs } from './elementwise.ts';
import { movementSpecs } from './movement.ts';
import { recurrentSpecs } from './recurrent.ts';
import type { OperatorSpec } from './spec.ts';
import { INPUT, OUTPUT, structureSpecs } from './structure.ts';
import { weightedSpecs } from './weighted.ts';

export type {
  FactorRule,
  FixedParameters,
  IntegerForm,
  OperatorSpec,
  OperatorView,
  RangeFacts,
  ScaleRule,
  WeightedOperands,
} from './spec.ts';
export { isWeight, TABLE_CELL } from './spec.ts';
export { INPUT, OUTPUT };

/** The specs of all operators that can be quantized, virtual ones included. */
export const operatorSpecs: readonly OperatorSpec[] = [
  INPUT,
  OUTPUT,
  ...weightedSpecs,
  ...recurrentSpecs,
  ...elementwiseSpecs,
  ...movementSpecs,
  ...structureSpecs,
];

const byBuiltin = new Map(operatorSpecs.filter(({ builtin }) => builtin >= 0).map((entry) => [entry.builtin, entry]));
const byName = new Map(operatorSpecs.map((entry) => [entry.name, entry]));

/** The spec of a builtin code; undefined for operators that stay float. */
export const specOfBuiltin = (builtin: number): OperatorSpec | undefined => byBuiltin.get(builtin);

/** The spec of a recipe name. */
export const specOfName = (name: string): OperatorSpec | undefined => byName.get(name);
