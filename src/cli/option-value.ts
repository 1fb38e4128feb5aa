import { AeqError } from '../../schema/errors.ts';
import type { OptionSpec } from './option-spec.ts';

/**
 * The value of an option as a user wrote it on the command line.
 * @throws AeqError USAGE saying what was expected.
 */
export function parseValue(flag: string, spec: OptionSpec, text: string): string | number {
  if (spec.kind === 'choice' && !spec.choices?.includes(text)) {
    throw invalid(flag, text, `one of ${spec.choices?.join(', ')}`);
  }
  if (spec.kind !== 'integer' && spec.kind !== 'number') {
    if (text.trim() === '') throw invalid(flag, text, expectedNumber(spec) ?? 'something');
    return text;
  }
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!isNumberOf(spec, value)) throw invalid(flag, text, expectedNumber(spec) ?? 'a number');
  return value;
}

/** Whether a number is what the option takes. */
export function isNumberOf({ kind, least, most }: OptionSpec, value: number): boolean {
  if (!Number.isFinite(value) || (kind === 'integer' && !Number.isInteger(value))) return false;
  return (least === undefined || value >= least) && (most === undefined || value <= most);
}

/** `a whole number of at least 1`, or undefined when the option takes no number. */
export function expectedNumber({ kind, least, most }: OptionSpec): string | undefined {
  if (kind !== 'integer' && kind !== 'number') return undefined;
  const name = kind === 'integer' ? 'a whole number' : 'a number';
  if (most !== undefined) return `${name} from ${least ?? 0} to ${most}`;
  return least === undefined ? name : `${name} of at least ${least}`;
}

function invalid(flag: string, text: string, expected: string): AeqError {
  return new AeqError('USAGE', `${flag} ${JSON.stringify(text).slice(1, -1)}: expected ${expected}`);
}
