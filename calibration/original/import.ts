import { AeqError } from '../../schema/errors.ts';
import type { Model } from '../../schema/model.ts';
import type { ActivationRange, RangeSource } from '../ranges/range.ts';
import { parsePythonJson } from './json.ts';

/** One record of the original's map: the values of its arrays and how deep they are nested. */
export interface OriginalRecord {
  readonly min: readonly number[];
  readonly max: readonly number[];
  readonly shape: readonly number[];
}

/** A calibration of the original: records by tensor name, and how many samples it says it saw. */
export interface OriginalCalibration {
  readonly records: ReadonlyMap<string, OriginalRecord>;
  readonly samples: number | undefined;
}

/**
 * Reads the original's JSON, `{"model_qsvs": {...}, "metadata": {...}}` or the bare map. Records without min or max are
 * left out, as if the tensor had none; other fields are not looked at.
 * @throws AeqError CALIBRATION_INVALID naming the tensor that is wrong.
 */
export function readOriginalCalibration(text: string, file?: string): OriginalCalibration {
  const json = parsePythonJson(text, file);
  if (!isMap(json)) throw invalid(file, 'it is not a map from tensor names to records');
  const map = 'model_qsvs' in json ? json.model_qsvs : json;
  if (!isMap(map)) throw invalid(file, '"model_qsvs" is not a map from tensor names to records');
  const records = new Map<string, OriginalRecord>();
  for (const [name, record] of Object.entries(map)) {
    if (!isMap(record)) throw invalid(file, `the record of tensor "${name}" is not a map with min and max`, name);
    if (record.min === undefined || record.max === undefined) continue;
    const min = flatten(record.min, (why) => invalid(file, `min of tensor "${name}" ${why}`, name));
    const max = flatten(record.max, (why) => invalid(file, `max of tensor "${name}" ${why}`, name));
    records.set(name, { min: min.values, max: max.values, shape: min.shape });
  }
  return { records, samples: sampleCount(json) };
}

function sampleCount(json: Record<string, unknown>): number | undefined {
  const metadata = 'model_qsvs' in json && isMap(json.metadata) ? json.metadata : {};
  const count = metadata.num_samples_calibrated;
  return typeof count === 'number' ? count : undefined;
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(file: string | undefined, why: string, tensor?: string): AeqError {
  return new AeqError('CALIBRATION_INVALID', `${file ?? 'the input'} is not a calibration: ${why}`, {
    where: { ...(file !== undefined && { file }), ...(tensor !== undefined && { tensor }) },
    hint: 'give a calibration file of aeq, or one of the original: {"model_qsvs": {"<tensor>": {"min": …, "max": …}}}',
  });
}

/** Deeper than any tensor. */
const DEEPEST = 16;

/** The numbers of a regular nested list and its shape. */
function flatten(value: unknown, fail: (why: string) => AeqError): { values: number[]; shape: number[] } {
  const shape: number[] = [];
  let level = [value];
  while (level.length > 0 && level.every(Array.isArray)) {
    const lists: unknown[][] = level;
    const length = lists[0]?.length ?? 0;
    if (lists.some((list) => list.length !== length)) throw fail('has lists of different lengths');
    if (shape.length >= DEEPEST) throw fail('is nested too deeply');
    shape.push(length);
    level = lists.flat(1);
  }
  return { values: level.map((item) => toNumber(item, fail)), shape };
}

function toNumber(item: unknown, fail: (why: string) => AeqError): number {
  if (typeof item === 'number' || typeof item === 'boolean') return Number(item);
  if (item === 'NaN' || item === 'Infinity' || item === '-Infinity') return Number(item);
  throw fail(`holds ${JSON.stringify(item)?.slice(0, 40)} instead of a number`);
}

/**
 * Ranges of a model out of the original's records, found by tensor name; float64, as the original computes with after
 * reading its file. `range` @throws AeqError CALIBRATION_INVALID for a record of several ranges (one a channel), which
 * activations do not have.
 */
export function rangesFromOriginal({ records }: OriginalCalibration, model: Model): RangeSource {
  return {
    range(subgraph, tensor): ActivationRange | undefined {
      const name = model.subgraphs[subgraph]?.tensors[tensor]?.name ?? '';
      const record = records.get(name);
      if (!record) return undefined;
      const [min, max] = [record.min[0], record.max[0]];
      if (min === undefined || max === undefined || record.min.length > 1 || record.max.length > 1) {
        throw invalid(undefined, `the record of tensor "${name}" holds ${record.min.length} ranges, not one`, name);
      }
      return { min, max, carrier: 'float64', shape: record.shape, reason: 'from a calibration of the original' };
    },
  };
}
