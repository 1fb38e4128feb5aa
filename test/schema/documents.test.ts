import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { readDocument, readJsonFile, writeJsonFile } from '../../schema/documents/json-file.node.ts';
import { findJsonFault } from '../../schema/documents/json-position.ts';
import { fieldPath, parseDocument } from '../../schema/documents/parse.ts';
import { AeqError } from '../../schema/errors.ts';
import { temporaryFolder } from '../support/temporary.ts';

const Sample = z.strictObject({
  version: z.literal(1),
  rules: z.array(
    z.strictObject({
      regex: z.string(),
      bits: z.int().min(2).max(16),
      mode: z.enum(['static', 'dynamic']).optional(),
      rule: z.union([z.literal('minmax'), z.strictObject({ percentile: z.number() })]).optional(),
    }),
  ),
});

function errorOf(value: unknown): AeqError {
  try {
    parseDocument(Sample, value, { file: 'recipe.json', code: 'CONFIG_INVALID' });
  } catch (error) {
    if (error instanceof AeqError) return error;
    throw error;
  }
  throw new Error('no error');
}

describe('parseDocument', () => {
  it('gives the value of a document that fits', () => {
    const value = { version: 1, rules: [{ regex: '.*', bits: 8 }] };
    expect(parseDocument(Sample, value, { code: 'CONFIG_INVALID' })).toEqual(value);
  });

  it.each([
    [{ rules: [] }, 'version', 'recipe.json is not valid: version is missing (1)'],
    [{ version: 2, rules: [] }, 'version', 'recipe.json is not valid: version must be 1, not 2'],
    [{ version: 1, rules: {} }, 'rules', 'recipe.json is not valid: rules must be a list, not an object'],
    [
      {
        version: 1,
        rules: [
          { regex: '', bits: 8 },
          { regex: 5, bits: 8 },
        ],
      },
      'rules[1].regex',
      'recipe.json is not valid: rules[1].regex must be a text, not 5',
    ],
    [
      { version: 1, rules: [{ regex: '', bits: 1 }] },
      'rules[0].bits',
      'recipe.json is not valid: rules[0].bits must be at least 2, not 1',
    ],
    [
      { version: 1, rules: [{ regex: '', bits: 2.5 }] },
      'rules[0].bits',
      'recipe.json is not valid: rules[0].bits must be an integer, not 2.5',
    ],
    [
      { version: 1, rules: [{ regex: '', bits: 8, mode: 'fast' }] },
      'rules[0].mode',
      'recipe.json is not valid: rules[0].mode must be one of "static", "dynamic", not "fast"',
    ],
    [
      { version: 1, rules: [{ regex: '', bits: 8, typo: 1 }] },
      'rules[0]',
      'recipe.json is not valid: rules[0] has the unknown field "typo"',
    ],
    [
      { version: 1, rules: [{ regex: '', bits: 8, rule: { percentile: 'x' } }] },
      'rules[0].rule.percentile',
      'recipe.json is not valid: rules[0].rule.percentile must be a number, not "x"',
    ],
    [
      { version: 1, rules: [{ regex: '', bits: 8, rule: 'entropi' }] },
      'rules[0].rule',
      'recipe.json is not valid: rules[0].rule has none of the allowed forms: "entropi"',
    ],
  ])('%j: names the field', (value, field, message) => {
    const error = errorOf(value);
    expect(error.message).toBe(message);
    expect(error.where).toEqual({ file: 'recipe.json', field });
    expect(error.code).toBe('CONFIG_INVALID');
  });

  it('says how many other fields are wrong, and which', () => {
    const error = errorOf({ version: 2, rules: [{ regex: 1, bits: 99 }] });
    expect(error.message).toMatch(/version must be 1, not 2, and 2 more$/);
    expect(error.hint).toBe('also: rules[0].regex must be a text, not 1; rules[0].bits must be at most 16, not 99');
  });

  it.each([null, undefined, 5, 'text', []])('refuses %j as a whole document', (value) => {
    expect(errorOf(value).where).toEqual({ file: 'recipe.json' });
  });

  it('quotes names that are no words', () => {
    expect(fieldPath(['a', 0, 'serving_default', 'x:0', 'b-c'])).toBe('a[0].serving_default["x:0"].b-c');
  });
});

describe('findJsonFault', () => {
  it('finds a fault exactly where JSON.parse refuses, in texts cut or changed at random', () => {
    fc.assert(
      fc.property(
        fc.jsonValue(),
        fc.nat(),
        fc.constantFrom('', ',', '}', ']', '"', 'x', '\\', '\n', '0'),
        (value, at, junk) => {
          const text = JSON.stringify(value);
          const place = at % (text.length + 1);
          const changed = text.slice(0, place) + junk + text.slice(place + (at % 3));
          let valid = true;
          try {
            JSON.parse(changed);
          } catch {
            valid = false;
          }
          expect(findJsonFault(changed) === undefined).toBe(valid);
        },
      ),
      { numRuns: 2000, seed: 5 },
    );
  });

  it('does not run out of stack on a long text or a deep one', () => {
    expect(findJsonFault(`"${'x'.repeat(5_000_000)}`)?.problem).toContain('expected a value');
    expect(findJsonFault('['.repeat(1_000_000))?.problem).toBe('the text ends too early');
  });
});

describe('JSON files', () => {
  const file = (text: string | Uint8Array) => {
    const path = join(temporaryFolder(), 'recipe.json');
    writeFileSync(path, text);
    return path;
  };

  it.each([
    ['{"a": 1,\n  "b": NaN}', /line 2, column 8: NaN and Infinity are no JSON numbers/],
    ['{"a": 1,}', /line 1, column 9: a comma before the closing bracket/],
    ["{'a': 1}", /column 2: texts need double quotes/],
    ['// hello', /column 1: JSON has no comments/],
    ['', /line 1, column 1: the text ends too early/],
    ['{"a"', /the text ends too early/],
  ])('%j: says line, column and what is wrong', (text, message) => {
    expect(() => readJsonFile(file(text), 'CONFIG_INVALID')).toThrow(message);
    expect(() => readJsonFile(file(text), 'CONFIG_INVALID')).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID' }),
    );
  });

  it('names what is no text at all', () => {
    expect(() => readJsonFile(file(Uint8Array.of(0xff, 0xd8, 0xff, 0xe0)), 'CONFIG_INVALID')).toThrow(/not UTF-8/);
    expect(() => readJsonFile(file(Uint8Array.of(0xff, 0xfe, 0x7b, 0)), 'CONFIG_INVALID')).toThrow(/UTF-16/);
    expect(() => readJsonFile(temporaryFolder(), 'CONFIG_INVALID')).toThrow(
      expect.objectContaining({ code: 'FILE_UNREADABLE' }),
    );
    expect(() => readJsonFile('no-such-file.json', 'CONFIG_INVALID')).toThrow(
      expect.objectContaining({ code: 'FILE_NOT_FOUND' }),
    );
  });

  it('reads what it wrote, with or without a byte order mark', () => {
    const path = join(temporaryFolder(), 'recipe.json');
    const value = { version: 1 as const, rules: [{ regex: 'größe', bits: 8 }] };
    writeJsonFile(path, value);
    expect(readDocument(Sample, path, { code: 'CONFIG_INVALID' })).toEqual(value);
    expect(readFileSync(path, 'utf8').endsWith('}\n')).toBe(true);
    writeFileSync(path, `\ufeff${JSON.stringify(value)}`);
    expect(readDocument(Sample, path, { code: 'CONFIG_INVALID' })).toEqual(value);
    expect(() => writeJsonFile(path, value)).toThrow(expect.objectContaining({ code: 'FILE_EXISTS' }));
  });
});
