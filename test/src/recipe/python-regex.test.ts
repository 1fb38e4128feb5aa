import { describe, expect, it } from 'vitest';
import { compilePythonRegex } from '../../../src/recipe/python-regex.ts';

/** Pattern, texts in which Python 3.11's `re.search` finds it, texts in which it does not. Printed by Python itself. */
const FOUND: readonly (readonly [pattern: string, yes: readonly string[], no: readonly string[]])[] = [
  ['', ['', 'a'], []],
  ['conv', ['model/conv_1/Relu;'], ['dense;']],
  ['^conv', ['conv;'], ['a/conv;']],
  ['^foo$', ['foo', 'foo\n'], ['foo;']],
  ['^foo;$', ['foo;', 'foo;\n'], ['foo;x']],
  ['\\Afoo', ['foo'], ['\nfoo']],
  ['foo;\\Z', ['foo;'], ['foo;\n']],
  ['(?m)^b', ['a\nb'], ['a\rb', 'a b']],
  ['(?m)a$', ['a\nb'], ['a\r\nb']],
  ['a.b', ['a b', 'a\rb', 'a\u2028b'], ['a\nb']],
  ['(?s)a.b', ['a\nb'], []],
  ['^.$', ['\ud83d\ude00'], ['ab']],
  ['(?i)RELU', ['relu', 'ReLu'], []],
  ['(?i:r)elu', ['Relu', 'relu'], ['RELU']],
  ['(?i)[a-c]x', ['BX'], ['dx']],
  ['(?i)[^a]', ['b'], ['A']],
  ['(?i)\u00e9', ['\u00c9'], ['e']],
  ['(?-i:a)', ['a'], ['A']],
  ['(?x) f o # comment\n o', ['foo'], ['f o o']],
  ['(?x:f o)o', ['foo'], []],
  ['f(?#c)oo', ['foo'], []],
  ['(?P<n>o)(?P=n)', ['oo'], ['o']],
  ['(a|b)\\1', ['aa'], ['ab']],
  ['\\bdense\\b', ['a/dense;'], ['adense;']],
  ['\\Bense', ['dense'], ['ense']],
  ['\\b', ['a', '\u00e9'], ['']],
  ['\\B', ['ab'], ['', 'a']],
  ['^\\w+$', ['a\u00e9_1'], ['a-b', 'l\u0301']],
  ['(?a)^\\w+$', ['ab'], ['a\u00e9']],
  ['\\d', ['5', '\u0663'], ['\u00b2']],
  ['(?a)\\d', [], ['\u0663']],
  ['\\s', ['\u001c', '\u0085', '\u2003'], ['\ufeff']],
  ['[\\W_]', ['_', '-'], ['a']],
  ['[^\\W\\d]', ['a'], ['1', '-']],
  ['[]a]', [']'], ['b']],
  ['[^]a]', ['b'], [']']],
  ['[a-]', ['-'], ['b']],
  ['[[]a]', ['[a]'], ['a]']],
  ['[\\b]', ['\b'], ['b']],
  ['a{,2}b', ['b', 'aab'], []],
  ['^a{2,}$', ['aa', 'aaaa'], ['a']],
  ['a{', ['a{'], ['a']],
  ['x{a}', ['x{a}'], ['xa']],
  ['{}', ['{}'], []],
  ['(?=a)*b', ['b'], []],
  ['a+?b', ['aab'], []],
  ['(?<=a)b', ['ab'], ['bb']],
  ['(?<!a)b', ['bb'], ['ab']],
  ['(?!.*embed)dense', ['dense', 'embed/dense'], []],
  ['^(?!.*embed).*dense', ['dense'], ['embed/dense', 'dense/embed']],
  ['\\x41\\u0042\\U00000043', ['ABC'], []],
  ['\\101\\0', ['A\u0000'], ['A']],
  ['\\/', ['/'], []],
  ['\\-', ['-'], []],
  ['a|', ['b'], []],
  ['()', [''], []],
  ['(?i)(?s)a.B', ['A\nb'], []],
  ['(?:conv|dense)_\\d+/', ['dense_12/x;'], ['dense/x;']],
  ['(?:(a)\\1)+$', ['aaaa'], ['aab']],
];

/** Patterns that Python refuses. */
const WRONG = [
  '(',
  'a)',
  '[a',
  '*a',
  'a**',
  'a{2}{3}',
  '^*',
  '\\b+',
  'a{3,2}',
  '(?<n>a)',
  '(?P<1>a)',
  '(?P<n>a)(?P<n>b)',
  '(?P=n)',
  '(a\\1)',
  '\\1',
  '\\8',
  '\\q',
  '[z-a]',
  '[a-\\d]',
  '[\\400]',
  'a(?i)b',
  '(?L)a',
  '(?au)a',
  '(?-a:x)',
  '(?',
  '(?P',
  '\\',
];

/** Right in Python, without an equal in JavaScript. */
const UNSUPPORTED = ['a++', 'a*+', '(?>a)', '(a)(?(1)b|c)', '\\N{DIGIT ONE}', '(a)?\\1', '(?:(a)|b)\\1', '(?i)(a)\\1'];

describe('patterns in the dialect of Python', () => {
  it.each(FOUND)('%j is found where Python finds it', (pattern, yes, no) => {
    const compiled = compilePythonRegex(pattern);
    for (const text of yes) expect(compiled.test(text), JSON.stringify(text)).toBe(true);
    for (const text of no) expect(compiled.test(text), JSON.stringify(text)).toBe(false);
  });

  it.each(WRONG)('%j is refused as in Python', (pattern) => {
    expect(() => compilePythonRegex(pattern, { field: 'rules[0].regex' })).toThrowError(
      expect.objectContaining({ code: 'RECIPE_INVALID', where: { field: 'rules[0].regex' } }),
    );
  });

  it.each(UNSUPPORTED)('%j is refused as not supported', (pattern) => {
    expect(() => compilePythonRegex(pattern)).toThrowError(expect.objectContaining({ code: 'RECIPE_UNSUPPORTED' }));
  });

  it('says where a pattern goes wrong', () => {
    expect(() => compilePythonRegex('conv(')).toThrowError(
      'the regular expression "conv(" is not valid at character 5: a parenthesis is not closed',
    );
  });
});
