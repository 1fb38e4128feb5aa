import type { Comparison, GateResult, Metrics } from '../../schema/documents/comparison.ts';
import { AeqError } from '../../schema/errors.ts';
import { suggestion } from '../../schema/nearest.ts';
import { type Comparator, GATE_METRICS, type Gate, type GateSubject, type RunMeasure } from './gate-parser.ts';

export { type Gate, parseGate } from './gate-parser.ts';

interface Value {
  readonly subject: string;
  readonly value: number;
}

/**
 * Decides conditions on a comparison. A gate that looks at several values fails with the first that is worst; NaN fails
 * every gate.
 * @throws AeqError CONDITION_INVALID when a condition speaks of something that this comparison does not have.
 */
export function evaluateGates(gates: readonly Gate[], comparison: Comparison): GateResult[] {
  return gates.map((gate) => evaluateGate(gate, comparison));
}

/** Refuses, before anything runs, conditions on accuracy where there are no labels. @throws AeqError CONDITION_INVALID */
export function requireLabels(gates: readonly Gate[]): void {
  const gate = gates.find((entry) => 'measure' in entry && /^top\d/.test(entry.measure));
  if (gate) throw unlabelled(gate);
}

function evaluateGate(gate: Gate, comparison: Comparison): GateResult {
  const values = 'measure' in gate ? [runValue(gate, gate.measure, comparison)] : tensorValues(gate, comparison);
  const worst = values.reduce((a, b) => (isWorse(gate.comparator, b.value, a.value) ? b : a));
  const failures = values.filter(({ value }) => Number.isNaN(value) || fails(gate.comparator, value, gate.limit));
  const passed = failures.length === 0;
  const shown = `${worst.subject} has ${showNumber(worst.value)}`;
  const more = failures.length > 1 ? `, and ${failures.length - 1} more` : '';
  const message = `${gate.text} ${passed ? 'passed' : 'failed'}: ${shown}${more}`;
  return { condition: gate.text, passed, value: worst.value, subject: worst.subject, message, failures };
}

const fails = (comparator: Comparator, value: number, limit: number): boolean => {
  if (comparator === '<') return value < limit;
  if (comparator === '<=') return value <= limit;
  return comparator === '>' ? value > limit : value >= limit;
};

/** NaN is worse than anything; otherwise what lies further towards failing. */
function isWorse(comparator: Comparator, value: number, than: number): boolean {
  if (Number.isNaN(than)) return false;
  if (Number.isNaN(value)) return true;
  return comparator.startsWith('<') ? value < than : value > than;
}

/** Six digits tell any value from a limit that a person writes. */
const showNumber = (value: number) => String(Number(value.toPrecision(6)));

function runValue(gate: Gate, measure: RunMeasure, { float, quantized, classification }: Comparison): Value {
  if (measure === 'size.ratio') return { subject: 'the quantized file', value: quantized.sizeBytes / float.sizeBytes };
  if (measure === 'size.bytes') return { subject: 'the quantized file', value: quantized.sizeBytes };
  if (!classification)
    throw missing(gate, 'no output of this model is known to hold classes', 'give labels (--labels)');
  if (measure === 'classes.agreement') return { subject: 'agreement', value: classification.agreement };
  const [which, what] = measure.split('.') as ['top1' | 'top5', 'drop' | 'float' | 'quantized'];
  const { float: a, quantized: b } = classification;
  if (!a || !b) throw unlabelled(gate);
  const value = what === 'drop' ? a[which] - b[which] : what === 'float' ? a[which] : b[which];
  return { subject: measure, value };
}

function tensorValues(
  gate: Gate & { subject: GateSubject; metric: keyof typeof GATE_METRICS },
  comparison: Comparison,
) {
  const found = candidates(gate.subject, comparison);
  if (found.length === 0) {
    const known = knownNames(gate.subject, comparison);
    const name = 'name' in gate.subject ? gate.subject.name : undefined;
    const guess = name === undefined ? undefined : suggestion(name, new Set(known));
    throw missing(
      gate,
      `there is no ${describe(gate.subject)} in this comparison`,
      guess ?? 'see comparison.json for what there is',
    );
  }
  const values = found.flatMap(({ subject, metrics }) => {
    const value = GATE_METRICS[gate.metric](metrics);
    return value === null ? [] : [{ subject, value }];
  });
  if (values.length > 0) return values;
  throw missing(gate, `${gate.metric} does not apply to ${describe(gate.subject)}`, 'choose another measure');
}

interface Measured {
  readonly subject: string;
  readonly metrics: Metrics;
}

/** Everything a subject stands for; operators that could not be measured are left out. */
function candidates(subject: GateSubject, { signatures, operators, weights }: Comparison): Measured[] {
  const name = 'name' in subject ? subject.name : undefined;
  if (subject.kind === 'injected') {
    return operators.flatMap(({ operator, output, metrics, absorbed }) =>
      metrics && !absorbed && (name === undefined || operator === name)
        ? [{ subject: `${operator} (${output})`, metrics }]
        : [],
    );
  }
  if (subject.kind === 'weight') {
    return weights.flatMap((weight) =>
      weight.metrics && (name === undefined || weight.name === name)
        ? [{ subject: weight.name, metrics: weight.metrics }]
        : [],
    );
  }
  return signatures.flatMap(({ key, outputs, tensors }) => {
    const prefix = signatures.length > 1 ? `${key}: ` : '';
    return [...outputs, ...tensors]
      .filter((tensor) => {
        if (subject.kind === 'any') return true;
        if (subject.kind === 'op') return tensor.operator === name;
        if (subject.kind === 'tensor') return tensor.name === name || tensor.quantized.name === name;
        return tensor.role === subject.kind && (name === undefined || tensor.signatureName === name);
      })
      .map((tensor) => ({ subject: `${prefix}${tensor.signatureName ?? tensor.name}`, metrics: tensor.metrics }));
  });
}

function knownNames({ kind }: GateSubject, { signatures, operators, weights }: Comparison): string[] {
  if (kind === 'injected') return operators.map(({ operator }) => operator);
  if (kind === 'weight') return weights.map(({ name }) => name);
  const all = signatures.flatMap(({ outputs, tensors }) => [...outputs, ...tensors]);
  if (kind === 'op') return all.flatMap(({ operator }) => operator ?? []);
  return all.map((tensor) => (kind === 'output' ? (tensor.signatureName ?? '') : tensor.name));
}

const WORDS = { op: 'operator', tensor: 'tensor', any: 'tensor', injected: 'operator measured by itself' } as const;

function describe(subject: GateSubject): string {
  const word = subject.kind in WORDS ? WORDS[subject.kind as keyof typeof WORDS] : subject.kind;
  return 'name' in subject ? `${word} ${subject.name}` : word;
}

const unlabelled = (gate: Gate) => missing(gate, 'accuracy is not known without labels', 'give labels (--labels)');

const missing = (gate: Gate, problem: string, hint: string) =>
  new AeqError('CONDITION_INVALID', `condition "${gate.text}": ${problem}`, { hint });
