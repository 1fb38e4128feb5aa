import { expect, it } from 'vitest';
import { BuiltinOperator } from '../../../schema/generated/tflite.ts';
import support from '../../../schema/kernel-support.json' with { type: 'json' };
import { floatReason } from '../../../src/ops/float-only.ts';
import { operatorSpecs, specOfBuiltin } from '../../../src/ops/index.ts';

const names = Object.entries(BuiltinOperator);

/** The composite is the one operator of the StableHLO dialect with a spec. */
const hasReason = (name: string) => !name.startsWith('STABLEHLO_') && floatReason(name) !== undefined;

it('has a spec or a written reason for every builtin operator, never both', () => {
  const neither = names.filter(([name, code]) => !specOfBuiltin(code) && !floatReason(name));
  const both = names.filter(([name, code]) => specOfBuiltin(code) && hasReason(name));
  expect(neither.map(([name]) => name)).toEqual([]);
  expect(both.map(([name]) => name)).toEqual([]);
});

it('names every spec once', () => {
  expect(new Set(operatorSpecs.map(({ name }) => name)).size).toBe(operatorSpecs.length);
  const codes = operatorSpecs.filter(({ builtin }) => builtin >= 0).map(({ builtin }) => builtin);
  expect(new Set(codes).size).toBe(codes.length);
});

type Outcome = { readonly runs: boolean; readonly scales?: string };
const operators: Readonly<Record<string, Readonly<Record<string, Outcome | undefined>>>> = support.operators;

it.each(operatorSpecs.filter(({ builtin }) => builtin >= 0 && builtin !== BuiltinOperator.STABLEHLO_COMPOSITE))(
  '$name: static configurations are those whose kernels run',
  ({ builtin, configs, ownConfigs = [], weighted }) => {
    const name = names.find(([, code]) => code === builtin)?.[0] ?? '';
    const allowed = new Set([...configs, ...ownConfigs]);
    if (weighted?.staticIsDynamic) return;
    const runs = (form: string) => operators[name]?.[form]?.runs === true;
    expect(allowed.has('static_wi8_ai8'), 'int8').toBe(runs('int8'));
    expect(allowed.has('static_wi8_ai16'), 'int16').toBe(runs('int16'));
  },
);

it.each(operatorSpecs.filter(({ builtin, weighted }) => builtin >= 0 && !weighted))(
  '$name: scales are free only where the kernel rescales',
  ({ builtin, scale, compares, integerForm, configs, ownConfigs = [] }) => {
    const name = names.find(([, code]) => code === builtin)?.[0] ?? '';
    const allowed = new Set([...configs, ...ownConfigs]);
    if (scale !== 'free' || compares || integerForm || !operators[name]) return;
    if (allowed.has('static_wi8_ai8')) expect(operators[name]?.int8?.scales).toBe('free');
    if (allowed.has('static_wi8_ai16')) expect(operators[name]?.int16?.scales).toBe('free');
  },
);
