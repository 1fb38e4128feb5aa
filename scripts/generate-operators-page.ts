/**
 * Writes docs/operators.md: which operators have which configurations, from their specs; on which interpreters they were
 * run, from the operator suite; what the kernels did when they were probed (schema/kernel-support.json).
 *
 * usage: tsx scripts/generate-operators-page.ts [--check]
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { RuntimeId } from '../calibration/runtime/runtime.ts';
import { BuiltinOperator } from '../schema/generated/tflite.ts';
import { floatReason } from '../src/ops/float-only.ts';
import { type OperatorSpec, operatorSpecs, specOfBuiltin } from '../src/ops/index.ts';
import { CONFIG_NAMES, type ConfigName } from '../src/recipe/types.ts';
import type { Exception } from '../test/operators/exception.ts';
import { exceptions } from '../test/operators/exceptions.ts';
import { outcomeOf, trialCount } from '../test/operators/outcomes.ts';
import { UNTRIED } from '../test/operators/untried.ts';

const PAGE = new URL('../docs/operators.md', import.meta.url);
const SUPPORT = new URL('../schema/kernel-support.json', import.meta.url);

type Outcome = { readonly runs: boolean; readonly scales?: string; readonly sqnrDb?: number; readonly why?: string };
interface Support {
  readonly runtime: string;
  readonly operators: Readonly<Record<string, Readonly<Record<string, Outcome>>>>;
}

const TITLES: Readonly<Record<ConfigName, string>> = {
  dynamic_wi8_afp32: 'dyn 8',
  dynamic_wi4_afp32: 'dyn 4',
  dynamic_wi4_afp32_blockwise: 'dyn 4 block',
  dynamic_wi2_afp32: 'dyn 2',
  dynamic_wi2_afp32_blockwise: 'dyn 2 block',
  static_wi8_ai16: 'a16 w8',
  static_wi4_ai16: 'a16 w4',
  static_wi8_ai8: 'a8 w8',
  static_wi4_ai8: 'a8 w4',
  static_wi8_au8: 'u8 in/out',
  weightonly_wi8_afp32: 'wo 8',
  weightonly_wi4_afp32: 'wo 4',
};

const SCALE_RULES = {
  free: 'own',
  'same-as-input': "the input's",
  'same-as-output': "the output's",
  'fixed-output': 'prescribed',
} as const;

const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
const table = (head: readonly string[], rows: readonly (readonly string[])[]) =>
  [row(head), row(head.map(() => '---')), ...rows.map(row)].join('\n');

const LETTERS: Readonly<Record<RuntimeId, string>> = { wasm: 'w', native: 'n', 'tfjs-tflite': 't' };
const RUNTIMES = Object.keys(LETTERS) as RuntimeId[];

/** The interpreters that ran it: w, n, t; (t) where not everything that was tried came out right. */
function letters(spec: OperatorSpec, config: ConfigName): string {
  return RUNTIMES.map(
    (id) => ({ none: '', some: `(${LETTERS[id]})`, all: LETTERS[id] })[outcomeOf(spec, config, id) ?? 'none'],
  ).join('');
}

function cell(spec: OperatorSpec, config: ConfigName): string {
  const own = mark(spec, config);
  return own === 'x' || own === '+' ? `${own} ${letters(spec, config)}`.trim() : own;
}

/** x: in the original's table too; +: ours; -: the original's, left out because the runtime computes it wrongly. */
function mark(spec: OperatorSpec, config: ConfigName): string {
  if (spec.brokenConfigs?.includes(config)) return '-';
  if (spec.configs.includes(config)) return 'x';
  return spec.ownConfigs?.includes(config) ? '+' : '';
}

function configurationTable(): string {
  const rows = [...operatorSpecs]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map((spec) => [spec.name, SCALE_RULES[spec.scale], ...CONFIG_NAMES.map((config) => cell(spec, config))]);
  return table(['operator', 'scales', ...CONFIG_NAMES.map((config) => TITLES[config])], rows);
}

/** What an exception expects, in a word. */
function kindOf({ expected }: Exception): string {
  if ('float' in expected) return 'stays float';
  if ('refused' in expected) return 'not run';
  return 'excess' in expected ? `up to ${expected.excess} times its bound` : 'wrong';
}

function exceptionList(): string {
  const shown = (names: readonly string[] | undefined) => names?.map((name) => `\`${name.trim()}\``).join(' ');
  const rows = exceptions.map((entry) => [
    entry.runtimes?.map((id) => LETTERS[id]).join('') ?? 'wnt',
    entry.operators.join(', '),
    shown(entry.configurations) ?? 'all',
    [entry.forms?.join('; ') ?? 'all', ...(entry.except ? [`but ${entry.except.join('; ')}`] : [])].join(' '),
    kindOf(entry),
    entry.reason,
  ]);
  return table(['on', 'operators', 'configurations', 'cases', 'what', 'why'], rows);
}

const untriedList = () => {
  const byReason = new Map<string, string[]>();
  for (const [name, reason] of Object.entries(UNTRIED)) byReason.set(reason, [...(byReason.get(reason) ?? []), name]);
  return [...byReason].map(([reason, names]) => `${names.join(', ')} (${reason})`).join(', ');
};

const outcomeText = (outcome: Outcome | undefined) =>
  outcome === undefined ? '' : outcome.runs ? `${outcome.sqnrDb} dB` : 'no';

function kernelTable({ operators }: Support): string {
  const forms = [...new Set(Object.values(operators).flatMap(Object.keys))];
  return table(
    ['model', ...forms],
    Object.entries(operators).map(([name, outcomes]) => [name, ...forms.map((form) => outcomeText(outcomes[form]))]),
  );
}

/** Operators whose results stay float under static rules, by name. */
const storedOnly = () =>
  operatorSpecs
    .filter(({ weighted }) => weighted?.staticIsDynamic)
    .map(({ name }) => name)
    .join(', ')
    .replace(/, (?!.*, )/, ' and ');

function floatList(): string {
  const byReason = new Map<string, string[]>();
  for (const [name, code] of Object.entries(BuiltinOperator)) {
    const reason = specOfBuiltin(code) ? undefined : floatReason(name);
    if (reason !== undefined) byReason.set(reason, [...(byReason.get(reason) ?? []), name]);
  }
  return [...byReason].map(([reason, names]) => `* ${names.join(', ')}: ${reason}.`).join('\n');
}

function page(support: Support): string {
  return `# Operators

Generated by \`scripts/generate-operators-page.ts\`. Do not edit.

## Configurations

x: as in the original; +: beyond it; -: allowed by the original, but the runtime computes it wrongly (\`--compat aeq-0.10\` allows it).
Letters: the interpreters on which the operator suite (\`test/operators\`) has run it, ${trialCount} trials of shapes, values, symmetries and
granularities on each, within bounds that follow from the scales: w: the embedded one (wasm), n: the native library, t: tfjs-tflite, of 2023.
In brackets: not with everything that was tried; no letter: not run there. The reasons are listed [below](#exceptions).
"dyn": integer weights, float activations; "a8 w4": static, 8-bit activations, 4-bit weights; "wo": weights stored small and dequantized.
Scales: whether an operator's results have scales of their own, the input's, give theirs to the inputs, or have one that the kernel prescribes.

${configurationTable()}

Without letters, because the suite does not try them: ${untriedList()}.

INPUT and OUTPUT stand for the model's inputs and outputs. Under a static configuration ${storedOnly()} store
their weights as it says and give float results.

## Exceptions

What the operator suite expects instead of a result within its bounds; it fails when an entry is not needed any more. "Cases" are named in
\`test/operators/cases\`.

${exceptionList()}

## What the kernels do

Found by running one small model per operator and form on ${support.runtime} (\`scripts/kernels/probe.ts\`); the numbers are the signal to noise ratio of the result
against float. "no": refused, or wrong with every way of scaling; \`schema/kernel-support.json\` has the interpreter's words.

${kernelTable(support)}

## Operators that stay float

${floatList()}
`;
}

/** The page as it should be. */
export const operatorsPage = (): string => page(JSON.parse(readFileSync(SUPPORT, 'utf8')) as Support);

function main(): void {
  const text = operatorsPage();
  if (!process.argv.includes('--check')) {
    writeFileSync(PAGE, text);
  } else if (readFileSync(PAGE, 'utf8') !== text) {
    console.error('docs/operators.md is out of date: run npx tsx scripts/generate-operators-page.ts');
    process.exitCode = 1;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
