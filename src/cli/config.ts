import { readJsonFile } from '../../schema/documents/json-file.node.ts';
import { AeqError } from '../../schema/errors.ts';
import { suggestion } from '../../schema/nearest.ts';
import type { OptionSpec } from './option-spec.ts';
import { expectedNumber, isNumberOf } from './option-value.ts';
import { OPTIONS, type OptionKey, type OptionValues } from './options.ts';

/**
 * Options from a JSON file: an object with option names in camel case. Names of other commands' options are allowed,
 * so that one file can serve a whole job; names of no command are an error.
 * @throws AeqError FILE_NOT_FOUND, CONFIG_INVALID naming the field.
 */
export function readConfig(file: string, allowed: readonly OptionKey[]): OptionValues {
  const document = parse(file);
  const values: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(document)) {
    if (!Object.hasOwn(OPTIONS, key)) {
      throw new AeqError('CONFIG_INVALID', `${file} has the unknown option ${JSON.stringify(key)}`, {
        where: { file, field: key },
        hint: suggestion(key, Object.keys(OPTIONS)) ?? 'options are named as in the help, in camel case: maxLength',
      });
    }
    checkValue(file, key, OPTIONS[key as OptionKey], value);
    if (allowed.includes(key as OptionKey)) values[key] = value;
  }
  return values as OptionValues;
}

function parse(file: string): Record<string, unknown> {
  const value = readJsonFile(file, 'CONFIG_INVALID');
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new AeqError('CONFIG_INVALID', `${file} must hold a JSON object of options`, { where: { file } });
  }
  return value as Record<string, unknown>;
}

function checkValue(file: string, key: string, spec: OptionSpec, value: unknown): void {
  const expected = expectation(spec);
  if (expected.test(value)) return;
  throw new AeqError('CONFIG_INVALID', `${file}: ${key} must be ${expected.text}, not ${JSON.stringify(value)}`, {
    where: { file, field: key },
  });
}

function expectation(spec: OptionSpec): { text: string; test: (value: unknown) => boolean } {
  switch (spec.kind) {
    case 'flag':
      return { text: 'true or false', test: (value) => typeof value === 'boolean' };
    case 'list':
      return {
        text: 'a list of strings',
        test: (value) => Array.isArray(value) && value.every((item) => typeof item === 'string'),
      };
    case 'integer':
    case 'number':
      return {
        text: expectedNumber(spec) ?? 'a number',
        test: (value) => typeof value === 'number' && isNumberOf(spec, value),
      };
    case 'choice':
      return {
        text: `one of ${spec.choices?.join(', ')}`,
        test: (value) => spec.choices?.includes(value as string) === true,
      };
    case 'text':
      return { text: 'a string', test: (value) => typeof value === 'string' };
  }
}
