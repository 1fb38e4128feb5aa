import { readFileSync } from 'node:fs';
import {
  type OriginalCalibration,
  rangesFromOriginal,
  readOriginalCalibration,
} from '../calibration/original/import.ts';
import type { RangeContext } from '../calibration/ranges/context.ts';
import type { ActivationRange, RangeSource } from '../calibration/ranges/range.ts';
import type { RangeRule } from '../calibration/ranges/rule.ts';
import { rangesFromCalibration } from '../calibration/ranges/source.ts';
import { alignRanges, tiedTensors } from '../calibration/ranges/tied.ts';
import { type CalibrationDocument, isCalibrationFile } from '../schema/documents/calibration.ts';
import { readCalibration } from '../schema/documents/calibration-read.ts';
import { AeqError } from '../schema/errors.ts';
import { readError } from '../schema/file-errors.node.ts';
import type { Model } from '../schema/model.ts';

/** Ranges to quantize with: a calibration of ours, or one that the original made. */
export type Calibration = CalibrationDocument | OriginalCalibration;

/** A calibration of the original, which has ranges only and belongs to no model in particular. */
export const isOriginal = (calibration: Calibration): calibration is OriginalCalibration => 'records' in calibration;

/** @throws AeqError CALIBRATION_INVALID for what a program mistakes for a calibration, such as the path of a file */
export function requireCalibration(value: unknown): asserts value is Calibration {
  const found = typeof value === 'object' && value !== null ? (value as Partial<CalibrationDocument>) : {};
  if ('records' in found || (Array.isArray(found.samples) && Array.isArray(found.tensors) && found.model)) return;
  const what = typeof value === 'string' ? `"${value}"` : `this ${typeof value}`;
  throw new AeqError('CALIBRATION_INVALID', `${what} is no calibration`, {
    hint: 'give what calibrate() or readCalibrationFile(path) returns',
  });
}

/** Reads a calibration file, ours or the original's. @throws AeqError FILE_NOT_FOUND, CALIBRATION_INVALID. */
export function readCalibrationFile(file: string): Calibration {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw readError(file, error);
  }
  // The original writes bare NaN, which is no JSON: only what says it is ours is read as ours.
  return text.slice(0, 200).includes('"aeq-calibration"') || isOurs(text)
    ? readCalibration(text, file)
    : readOriginalCalibration(text, file);
}

function isOurs(text: string): boolean {
  try {
    return isCalibrationFile(JSON.parse(text));
  } catch {
    return false;
  }
}

export interface RangeOptions {
  readonly rule: RangeRule;
  readonly context: RangeContext;
  readonly compat: boolean;
}

/** The ranges of a calibration for a model. @throws AeqError CALIBRATION_MISMATCH for a calibration of another model. */
export function rangeSourceOf(
  calibration: Calibration,
  model: Model,
  sha256: () => string,
  { rule, context, compat }: RangeOptions,
): RangeSource {
  // State that one signature hands to another, such as a key-value cache, must lie on one grid.
  const shared = (ranges: RangeSource) => (compat ? ranges : alignRanges(ranges, tiedTensors(model, context)));
  if (!isOriginal(calibration)) {
    checkIdentity(calibration, sha256());
    return shared(rangesFromCalibration(calibration, rule, context));
  }
  const ranges = rangesFromOriginal(calibration, model);
  checkOverlap(calibration, model);
  return compat ? asCalibrated(ranges, model) : shared(ranges);
}

function checkIdentity({ model }: CalibrationDocument, sha256: string): void {
  if (model.sha256 === sha256) return;
  throw new AeqError('CALIBRATION_MISMATCH', `the calibration is of another model (${model.file})`, {
    hint: 'calibrate this very file; a converted or edited model needs a calibration of its own',
  });
}

function checkOverlap({ records }: OriginalCalibration, model: Model): void {
  const known = model.subgraphs.some(({ tensors }) => tensors.some(({ name }) => records.has(name ?? '')));
  if (known) return;
  throw new AeqError('CALIBRATION_MISMATCH', 'the calibration names no tensor of this model', {
    hint: 'calibrate this very model',
  });
}

/**
 * The original derives scales in float32 from a calibration it has just made and in double from one that it loads. Its
 * file shows neither; numbers that float32 holds, nested as deep as the tensor, are those of a fresh calibration, which
 * is what its users quantize with.
 */
function asCalibrated(ranges: RangeSource, model: Model): RangeSource {
  const fresh = ({ min, max, shape }: ActivationRange, rank: number) =>
    shape.length === rank && Object.is(Math.fround(min), min) && Object.is(Math.fround(max), max);
  return {
    range: (subgraph, tensor) => {
      const range = ranges.range(subgraph, tensor);
      const rank = model.subgraphs[subgraph]?.tensors[tensor]?.shape?.length ?? 0;
      return range && fresh(range, rank) ? { ...range, carrier: 'float32' } : range;
    },
  };
}
