import type { Metrics } from '../../schema/documents/comparison.ts';
import { AeqError } from '../../schema/errors.ts';
import { suggestion } from '../../schema/nearest.ts';

/** The measures a condition can name, and the numbers they stand for. null: it does not apply to the tensor. */
export const GATE_METRICS = {
  mse: (metrics) => metrics.mse,
  sqnr: (metrics) => metrics.sqnrDb,
  cosine: (metrics) => metrics.cosine,
  max: (metrics) => metrics.maxAbsoluteError,
  bias: (metrics) => metrics.meanError,
  scaled: (metrics) => metrics.errorOverScale,
  clipped: (metrics) => metrics.clippedShare,
  median: (metrics) => metrics.medianRelativeDifference,
  kl: (metrics) => metrics.kl,
  differing: (metrics) => metrics.differingShare,
  nan: (metrics) => metrics.quantizedNonFinite.nan + metrics.quantizedNonFinite.infinite,
} as const satisfies Record<string, (metrics: Metrics) => number | null>;

export type GateMetric = keyof typeof GATE_METRICS;

/** What of a whole run a condition can name. */
const RUN_MEASURES = {
  size: ['ratio', 'bytes'],
  top1: ['drop', 'float', 'quantized'],
  top5: ['drop', 'float', 'quantized'],
  classes: ['agreement'],
} as const;

export type RunMeasure = {
  [K in keyof typeof RUN_MEASURES]: `${K}.${(typeof RUN_MEASURES)[K][number]}`;
}[keyof typeof RUN_MEASURES];

/** Which values a condition looks at. `name` is an operator or tensor name. */
export type GateSubject =
  | { readonly kind: 'output' | 'input' | 'any' | 'injected' | 'weight' }
  | { readonly kind: 'output' | 'op' | 'injected' | 'weight' | 'tensor'; readonly name: string };

export type Comparator = '<' | '<=' | '>' | '>=';

/** A condition under which a run fails. */
export type Gate = {
  /** As the user wrote it. */
  readonly text: string;
  readonly comparator: Comparator;
  readonly limit: number;
} & ({ readonly subject: GateSubject; readonly metric: GateMetric } | { readonly measure: RunMeasure });

const GROUPS = ['output', 'input', 'any', 'injected', 'weight'] as const;
const NAMED = ['output', 'op', 'injected', 'weight', 'tensor'] as const;

const SHAPE = /^(.*?)\s*(<=|>=|<|>)\s*(\S*)\s*$/s;

/**
 * Reads a condition: `subject.metric < number`, with `<`, `<=`, `>` or `>=`. Subjects: `output`, `input`, `any` (every
 * tensor), `injected` (every operator by itself), `weight`; `output:NAME`, `op:OPERATOR`, `injected:OPERATOR`,
 * `weight:NAME`, `tensor:NAME` or just the tensor's name, in double quotes where it holds < or >. Of the whole run:
 * `size.ratio`, `size.bytes`, `top1.drop`, `top1.float`, `top1.quantized`, the same of `top5`, `classes.agreement`.
 * @throws AeqError CONDITION_INVALID whose message and `where.offset` (from 0) point at the character.
 */
export function parseGate(text: string): Gate {
  const quoted = /^\s*((?:\w+:)?"[^"]*")(.*)$/s.exec(text);
  const rest = quoted ? (quoted[2] ?? '') : text;
  const shape = SHAPE.exec(rest);
  if (!shape) throw fault(text, text.length, 'there is no <, <=, > or >=', 'write it like output.sqnr<20');
  const [, left = '', comparator = '<', number = ''] = shape;
  const limitAt = text.length - rest.length + rest.indexOf(comparator, left.length) + comparator.length;
  const limit = parseLimit(text, number, limitAt + (text.slice(limitAt).match(/^\s*/)?.[0].length ?? 0));
  const path = `${quoted?.[1] ?? ''}${left}`;
  const start = text.indexOf(path);
  const dot = path.lastIndexOf('.');
  const subject = dot < 0 ? path : path.slice(0, dot);
  const common = { text, comparator: comparator as Comparator, limit };
  if (subject.trim() === '') throw fault(text, start, 'it does not say what to look at', `one of ${subjects()}`);
  if (dot < 0) throw fault(text, start + path.length, `${path} has no measure`, `add one, such as ${path}.sqnr`);
  const metric = path.slice(dot + 1);
  const measures: readonly string[] | undefined = Object.hasOwn(RUN_MEASURES, subject)
    ? RUN_MEASURES[subject as keyof typeof RUN_MEASURES]
    : undefined;
  checkWord(text, start + dot + 1, metric, measures ?? Object.keys(GATE_METRICS), `measure of ${subject}`);
  if (measures) return { ...common, measure: `${subject}.${metric}` as RunMeasure };
  return { ...common, subject: parseSubject(text, subject.trim()), metric: metric as GateMetric };
}

function parseLimit(text: string, number: string, at: number): number {
  const percent = number.endsWith('%');
  const digits = percent ? number.slice(0, -1) : number;
  const value = digits === '' ? Number.NaN : Number(digits);
  if (Number.isNaN(value)) {
    const what = number === '' ? 'the number is missing' : `"${number}" is no number`;
    throw fault(text, at, what, 'a limit is a number such as 20, 1e-4 or 1%');
  }
  return percent ? value / 100 : value;
}

function parseSubject(text: string, subject: string): GateSubject {
  if (includes(GROUPS, subject)) return { kind: subject };
  const colon = subject.indexOf(':');
  const prefix = subject.slice(0, Math.max(0, colon));
  if (includes(NAMED, prefix)) {
    const name = unquoted(subject.slice(colon + 1));
    if (name === '') {
      throw fault(text, text.indexOf(subject) + colon + 1, 'the name is missing', `a name follows ${prefix}:`);
    }
    return { kind: prefix, name };
  }
  return { kind: 'tensor', name: unquoted(subject) };
}

const includes = <T extends string>(list: readonly T[], word: string): word is T =>
  (list as readonly string[]).includes(word);

const unquoted = (name: string) => name.replace(/^"(.*)"$/s, '$1');

function checkWord(text: string, at: number, word: string, known: readonly string[], what: string): void {
  if (known.includes(word)) return;
  const guess = suggestion(word, known);
  const list = `there are ${known.join(', ')}`;
  throw fault(text, at, `there is no ${what} called "${word}"`, guess === undefined ? list : `${guess} ${list}`);
}

const subjects = () => [...GROUPS, ...NAMED.map((prefix) => `${prefix}:NAME`), ...Object.keys(RUN_MEASURES)].join(', ');

/** An error with a line below the condition that points at the place. */
function fault(text: string, at: number, problem: string, advice: string): AeqError {
  return new AeqError('CONDITION_INVALID', `condition "${text}", character ${at + 1}: ${problem}`, {
    where: { offset: at },
    hint: `${text}\n${' '.repeat(at)}^ ${advice}`,
  });
}
