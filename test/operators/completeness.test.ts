import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { BuiltinOperator } from '../../schema/generated/tflite.ts';
import { floatReason } from '../../src/ops/float-only.ts';
import { operatorSpecs, specOfBuiltin } from '../../src/ops/index.ts';
import { families } from './cases/index.ts';
import { allowedConfigs } from './configurations.ts';
import { trialsOf } from './trials.ts';
import { UNTRIED } from './untried.ts';

const schema = readFileSync(new URL('../../schema/tflite.fbs', import.meta.url), 'utf8');

/** Names and codes of the enum as the schema's own text has them. */
function builtinOperators(): (readonly [name: string, code: number])[] {
  const body = /enum BuiltinOperator[^{]*\{([^}]*)\}/.exec(schema)?.[1] ?? '';
  const entries = body.replaceAll(/\/\/.*$/gm, '').matchAll(/(\w+)\s*=\s*(\d+)/g);
  return Array.from(entries, ([, name = '', code]) => [name, Number(code)] as const);
}

const cases = Object.values(families).flat();
const tried = new Set<number>(cases.map(({ operator }) => BuiltinOperator[operator]));

it('finds the operators of the schema', () => {
  expect(builtinOperators().length).toBe(Object.keys(BuiltinOperator).length);
});

it('has a spec or a written reason for every builtin operator of the schema', () => {
  const without = builtinOperators().filter(([name, code]) => !specOfBuiltin(code) && !floatReason(name));
  expect(without).toEqual([]);
});

it('tries every operator with a spec', () => {
  const untried = operatorSpecs.filter(({ builtin }) => builtin >= 0 && !tried.has(builtin));
  expect(untried.map(({ name }) => name)).toEqual(Object.keys(UNTRIED));
});

it('tries every configuration that a spec allows', () => {
  const names = new Map<number, Set<string>>();
  for (const suiteCase of cases) {
    const code = BuiltinOperator[suiteCase.operator];
    const known = names.get(code) ?? new Set();
    for (const { configuration } of trialsOf(suiteCase)) known.add(configuration.name.split(' ')[0] ?? '');
    names.set(code, known);
  }
  const missing = operatorSpecs
    .filter(({ builtin }) => tried.has(builtin))
    .flatMap((spec) => allowedConfigs(spec).map((config) => ({ spec, config })))
    .filter(({ spec, config }) => !names.get(spec.builtin)?.has(config))
    .map(({ spec, config }) => `${spec.name} ${config}`);
  expect(missing).toEqual([]);
});

it('names every case once', () => {
  const names = cases.map(({ operator, form }) => `${operator} ${form}`);
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
});
