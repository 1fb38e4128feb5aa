/**
 * What the suite has established of each interpreter, read off its exceptions: every trial without one was run and was
 * within its bounds, and every exception comes to pass, or the suite fails.
 */
import type { RuntimeId } from '../../calibration/runtime/runtime.ts';
import { BuiltinOperator } from '../../schema/generated/tflite.ts';
import type { OperatorSpec } from '../../src/ops/index.ts';
import type { ConfigName } from '../../src/recipe/types.ts';
import { refusedConversion, WITHIN } from './border-exceptions.ts';
import { families } from './cases/index.ts';
import type { Exception } from './exception.ts';
import { exceptions } from './exceptions.ts';
import { isAbout, type Trial, trialsOf } from './trials.ts';

/** all: every trial is within its bounds; some: not all of them; none: the interpreter runs none. */
export type Outcome = 'all' | 'some' | 'none';

/** What an exception comes to in a trial on an interpreter. */
const exceptionOf = ({ suiteCase, configuration }: Trial, runtime: RuntimeId) =>
  exceptions.find((entry) => (entry.runtimes?.includes(runtime) ?? true) && isAbout(entry, suiteCase, configuration));

const stays = (exception: Exception | undefined) => exception !== undefined && 'float' in exception.expected;
const runs = ({ expected }: Exception) => 'excess' in expected || 'wrong' in expected;

const trialsByOperator = new Map<number, Trial[]>();
for (const suiteCase of Object.values(families).flat()) {
  const builtin = BuiltinOperator[suiteCase.operator];
  trialsByOperator.set(builtin, [...(trialsByOperator.get(builtin) ?? []), ...trialsOf(suiteCase)]);
}

/**
 * How an operator in a configuration does on an interpreter, over all shapes and values tried, leaving out those with which
 * it stays float anyway. Undefined where nothing was tried.
 */
export function outcomeOf(spec: OperatorSpec, config: ConfigName, runtime: RuntimeId): Outcome | undefined {
  if (spec.builtin < 0) return WITHIN.some((within) => refusedConversion(runtime, within, config)) ? 'some' : 'all';
  const trials = (trialsByOperator.get(spec.builtin) ?? []).filter(
    ({ configuration }) => configuration.name.split(' ')[0] === config,
  );
  const found = trials.map((trial) => exceptionOf(trial, runtime)).filter((exception) => !stays(exception));
  if (found.length === 0) return undefined;
  if (found.every((exception) => exception === undefined)) return 'all';
  return found.every((exception) => exception && !runs(exception)) ? 'none' : 'some';
}

/** How many trials there are on one interpreter. */
export const trialCount = [...trialsByOperator.values()].reduce((sum, trials) => sum + trials.length, 0);
