import type { RangeSource } from '../calibration/ranges/range.ts';
import type { RangeRule } from '../calibration/ranges/rule.ts';
import type { Model } from '../schema/model.ts';
import { type Calibration, rangeSourceOf } from './calibration-input.node.ts';
import { protectFactors } from './plan/protect-factors.ts';
import { type Protection, protectionKey } from './plan/protection.ts';
import { rangeContext } from './plan/range-context.ts';
import type { RecipeResolver } from './recipe/types.ts';

/** The ranges that a plan is made with, and the operators that they would do harm to. */
export interface PlannedRanges {
  readonly ranges: RangeSource;
  readonly protection?: Protection;
}

export interface PlannedRangesOptions {
  readonly rule: RangeRule;
  readonly compat: boolean;
  /** Look for operators that have to compute in float. */
  readonly safety: boolean;
}

/**
 * Ranges of a calibration by a rule. Which operators need protection depends on ranges, and ranges on which tensors stay
 * float: those that operators under protection touch are made again.
 * @throws AeqError CALIBRATION_MISMATCH for a calibration of another model.
 */
export function plannedRanges(
  calibration: Calibration,
  model: Model,
  resolver: RecipeResolver,
  sha256: () => string,
  { rule, compat, safety }: PlannedRangesOptions,
): PlannedRanges {
  const context = rangeContext(model, resolver);
  const ranges = rangeSourceOf(calibration, model, sha256, { rule, context, compat });
  if (!safety) return { ranges };
  const protection = protectFactors(model, resolver, ranges);
  if (protection.size === 0) return { ranges };
  const known = rangeContext(model, resolver, protection);
  const again = rangeSourceOf(calibration, model, sha256, { rule, context: known, compat });
  const touched = touchedTensors(model, protection);
  const range: RangeSource['range'] = (subgraph, tensor) =>
    (touched[subgraph]?.has(tensor) ? again : ranges).range(subgraph, tensor);
  return { ranges: { ...ranges, range }, protection };
}

/** By subgraph. */
const touchedTensors = ({ subgraphs }: Model, protection: Protection): ReadonlySet<number>[] =>
  subgraphs.map(
    ({ operators }, subgraph) =>
      new Set(
        operators.flatMap(({ inputs, outputs }, operator) =>
          protection.has(protectionKey(subgraph, operator)) ? [...inputs, ...outputs] : [],
        ),
      ),
  );
