/**
 * Runs every case of a family in every configuration its operator may have, on each interpreter that is here: planned,
 * written, run, and compared with float within the bounds of bounds.ts and kernel-rounding.ts.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { Runtime, RuntimeId } from '../../calibration/runtime/runtime.ts';
import { BuiltinOperator } from '../../schema/generated/tflite.ts';
import { specOfBuiltin } from '../../src/ops/index.ts';
import { availableRuntimes, openAvailable } from './available.ts';
import type { SuiteCase } from './case.ts';
import type { Configuration } from './configurations.ts';
import type { Exception } from './exception.ts';
import { exceptions } from './exceptions.ts';
import { FloatSide } from './float-side.ts';
import { judge, planCase, type Verdict } from './judge.ts';
import { isAbout, trialsOf } from './trials.ts';

/** Declares the tests of a family. */
export function operatorSuite(cases: readonly SuiteCase[]): void {
  for (const runtime of availableRuntimes) {
    describe(runtime, () => new Suite(runtime, cases).declare());
  }
}

class Suite {
  readonly #id: RuntimeId;
  readonly #cases: readonly SuiteCase[];
  readonly #exceptions: readonly Exception[];
  readonly #needed = new Set<Exception>();
  #runtime: Runtime | undefined;

  constructor(id: RuntimeId, cases: readonly SuiteCase[]) {
    this.#id = id;
    this.#cases = cases;
    const operators = new Set(cases.map(({ operator }) => operator));
    this.#exceptions = exceptions.filter(
      (entry) => (entry.runtimes?.includes(id) ?? true) && entry.operators.some((name) => operators.has(name)),
    );
  }

  declare(): void {
    beforeAll(async () => {
      this.#runtime = await openAvailable(this.#id);
    });
    afterAll(() => this.#runtime?.close());
    for (const suiteCase of this.#cases) this.#declareCase(suiteCase);
    it('needs all the exceptions that are made', () => {
      const idle = this.#exceptions.filter((entry) => !this.#needed.has(entry));
      expect(idle.map(({ operators, reason }) => `${operators}: ${reason}`)).toEqual([]);
    });
  }

  #declareCase(suiteCase: SuiteCase): void {
    describe(`${suiteCase.operator} ${suiteCase.form}`, () => {
      let float: FloatSide | undefined;
      afterAll(() => float?.close());
      for (const { configuration } of trialsOf(suiteCase)) {
        it(configuration.name, async () => {
          float ??= await FloatSide.of(this.#open, suiteCase);
          const survived = await this.#try(suiteCase, configuration, float);
          if (!survived) float = undefined;
        });
      }
    });
  }

  get #open(): Runtime {
    if (!this.#runtime) throw new Error('the interpreter is not open');
    return this.#runtime;
  }

  /** Gives whether the interpreter is the same afterwards. */
  async #try(suiteCase: SuiteCase, configuration: Configuration, float: FloatSide): Promise<boolean> {
    const exception = this.#exceptions.find((entry) => isAbout(entry, suiteCase, configuration));
    const expected = exception?.expected;
    const needed = () => exception && this.#needed.add(exception);
    if (expected && 'erratic' in expected) {
      needed();
      return true;
    }
    const plan = planCase(suiteCase, configuration, float.ranges);
    const [planned] = plan.operators;
    if (expected && 'float' in expected) {
      expect(planned).toMatchObject({ mode: 'float', reason: expect.stringMatching(expected.float) });
      needed();
      return true;
    }
    expect(planned?.mode, planned?.reason).toBe(modeOf(suiteCase, configuration));
    const run = judge(this.#open, suiteCase, configuration, float, plan);
    if (expected && 'refused' in expected) {
      await expect(run).rejects.toThrow(expected.refused);
      needed();
      return !expected.refused.test('crashed');
    }
    const verdict = await run;
    if (verdict.problems.length === 0) return true;
    needed();
    expect(expected ? unexpected(verdict, expected) : verdict.problems.slice(0, 3)).toEqual([]);
    return true;
  }
}

/** Some operators only store their weights whatever the rule says of activations. */
function modeOf({ operator }: SuiteCase, { mode }: Configuration) {
  return mode === 'static' && specOfBuiltin(BuiltinOperator[operator])?.weighted?.staticIsDynamic ? 'dynamic' : mode;
}

/** What is worse than an exception says. */
function unexpected({ problems, excess }: Verdict, expected: Exception['expected']): readonly string[] {
  if ('wrong' in expected) return problems.filter((problem) => !expected.wrong.test(problem));
  const isWithin = 'excess' in expected && excess <= expected.excess;
  return isWithin ? [] : [`${excess} times the bound`, ...problems.slice(0, 3)];
}
