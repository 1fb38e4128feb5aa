import type { Comparison, Metrics, TensorComparison } from '../../schema/documents/comparison.ts';
import { displayName, formatDb, formatShare, plural } from './format.ts';
import { prescribedTensors } from './prescribed.ts';
import { errorShare, UNUSABLE_DB, verdictOf, worstOutput } from './verdict.ts';

/** Fewer samples than this say little about a layer. */
const FEW_SAMPLES = 8;
const MUCH_CLIPPED = 0.01;
/** With this much signal left, what is clipped does not matter: probabilities that round to the highest code, for one. */
const HARMLESS_DB = 40;

/** A sentence on one thing, where there is something to say. */
type Remark = (comparison: Comparison, tensors: readonly TensorComparison[]) => string | undefined;

/**
 * Sentences on what must not be overlooked in the numbers.
 * @param headline whether the first says that the model is not usable, where it is not; default true
 */
export function remarks(comparison: Comparison, { headline = true }: { readonly headline?: boolean } = {}): string[] {
  const tensors = comparison.signatures.flatMap(({ outputs, tensors: inner }) => [...outputs, ...inner]);
  const say = (about: readonly Remark[]) => about.flatMap((remark) => remark(comparison, tensors) ?? []);
  return [
    ...unusable(comparison).slice(headline ? 0 : 1),
    ...say([unquantized, brokenTensors, brokenFloats, foreignInputs, clippedTensors]),
    ...say([overflownBiases, unmeasuredOperators, unmatchedTensors, unlabelledSamples]),
    ...dataRemarks(comparison),
    ...say([fewSamples]),
  ];
}

const unquantized: Remark = (comparison) =>
  isUnquantized(comparison) ? `nothing in ${comparison.quantized.file} is quantized` : undefined;

const brokenTensors: Remark = (_, tensors) => {
  const broken = tensors.filter(
    ({ metrics }) => nonFinite(metrics.quantizedNonFinite) > nonFinite(metrics.floatNonFinite),
  );
  const [first] = broken;
  if (!first) return undefined;
  const { quantizedNonFinite, elements } = first.metrics;
  const counts = `${quantizedNonFinite.nan} NaN, ${quantizedNonFinite.infinite} infinite of ${elements}`;
  const hold = `${plural(broken.length, 'tensor')} of the quantized model ${broken.length === 1 ? 'holds' : 'hold'}`;
  return `${hold} NaN or infinity, the first is ${displayName(first.name)} (${counts})`;
};

const brokenFloats: Remark = (_, tensors) => {
  const broken = tensors.filter(({ metrics }) => nonFinite(metrics.floatNonFinite) > 0);
  const [first] = broken;
  if (!first) return undefined;
  const where = `${plural(broken.length, 'tensor')}, the first is ${displayName(first.name)}`;
  return `the float model itself gives NaN or infinity in ${where}; such values are left out`;
};

const foreignInputs: Remark = (_, tensors) => {
  const outside = tensors.find(({ role, metrics }) => role === 'input' && (metrics.clippedShare ?? 0) > MUCH_CLIPPED);
  if (!outside) return undefined;
  const values = `${formatShare(outside.metrics.clippedShare)} of the values of input ${outside.signatureName}`;
  return `${values} lie outside of the range it was calibrated for: the samples are prepared in another way than those of the calibration`;
};

const clippedTensors: Remark = (comparison, tensors) => {
  const masks = new Set(comparison.operators.flatMap(({ absorbed, output }) => (absorbed ? output : [])));
  const prescribed = prescribedTensors(comparison);
  const clipped = tensors.filter(
    (entry) =>
      (entry.metrics.clippedShare ?? 0) > MUCH_CLIPPED &&
      !(entry.metrics.sqnrDb > HARMLESS_DB) &&
      !masks.has(entry.name) &&
      !prescribed.has(entry),
  );
  const most = clipped.toSorted((a, b) => (b.metrics.clippedShare ?? 0) - (a.metrics.clippedShare ?? 0))[0];
  if (!most) return undefined;
  const clip = `${plural(clipped.length, 'tensor')} ${clipped.length === 1 ? 'clips' : 'clip'}`;
  const worst = `${displayName(most.name)} (${formatShare(most.metrics.clippedShare)})`;
  return `${clip} more than ${formatShare(MUCH_CLIPPED)} of the values, most ${worst}: calibrate on more samples or with --range minmax`;
};

const overflownBiases: Remark = ({ weights }) => {
  const overflown = weights.filter(({ type, clippedChannels }) => /^INT(32|64)$/.test(type) && clippedChannels > 0);
  const [first] = overflown;
  if (!first) return undefined;
  const named = `${first.operator} ${displayName(first.name)} (${plural(first.clippedChannels, 'channel')})`;
  return `the bias of ${plural(overflown.length, 'operator')} does not fit its scale, first ${named}`;
};

const unmeasuredOperators: Remark = ({ operators }) => {
  const unmeasured = operators.filter(({ problem }) => problem !== undefined);
  const [first] = unmeasured;
  if (!first) return undefined;
  return `${plural(unmeasured.length, 'operator')} could not be measured alone: ${first.operator} (${first.problem})`;
};

const unmatchedTensors: Remark = ({ signatures }) => {
  const unmatched = signatures.flatMap((signature) => signature.unmatched);
  const [first] = unmatched;
  if (!first) return undefined;
  const many = plural(unmatched.length, 'tensor');
  return `${many} could not be compared, such as ${displayName(first.name)}: ${first.reason}`;
};

const unlabelledSamples: Remark = ({ classification }) => {
  if (!classification?.float || classification.labelled === classification.compared) return undefined;
  const { labelled, compared } = classification;
  return `${compared - labelled} of ${plural(compared, 'sample')} have no label: accuracy is that of the others`;
};

const fewSamples: Remark = ({ signatures }) => {
  const fewest = Math.min(...signatures.map(({ samples }) => samples));
  if (fewest >= FEW_SAMPLES) return undefined;
  return `${plural(fewest, 'sample')} ${fewest === 1 ? 'says' : 'say'} little; use at least ${FEW_SAMPLES}`;
};

const isUnquantized = ({ float, quantized, signatures }: Comparison): boolean =>
  JSON.stringify(float.constantBytes) === JSON.stringify(quantized.constantBytes) &&
  signatures.every(({ outputs, tensors }) =>
    [...outputs, ...tensors].every(
      (tensor) => tensor.quantized.scale === null && tensor.metrics.sqnrDb === Number.POSITIVE_INFINITY,
    ),
  );

/** What looks wrong with the samples. */
function dataRemarks({ datasets }: Comparison): string[] {
  return datasets.flatMap(({ signature, findings = [] }) =>
    findings
      .filter(({ level }) => level !== 'note')
      .map(({ message }) => `the samples${datasets.length > 1 ? ` of ${signature}` : ''}: ${message}`),
  );
}

const nonFinite = ({ nan, infinite }: Metrics['floatNonFinite']) => nan + infinite;

/** When the median of the relative differences is this large, at least half of the values round to nothing. */
const VANISHED = 0.5;
/** Operators that a sentence names. */
const MOST_NAMED = 3;

/** Where a model is unusable: that it is, whose rounding does it as far as the operators tell, and what to try. */
function unusable(comparison: Comparison): string[] {
  const worst = worstOutput(comparison);
  if (!worst || verdictOf(comparison).level !== 'unusable') return [];
  const { signatures, operators } = comparison;
  const { sqnrDb } = worst.tensor.metrics;
  const share = Number.isFinite(sqnrDb) ? `, an error of ${errorShare(sqnrDb)} of the signal` : '';
  const lines = [
    `the quantized model is not usable: output ${worst.tensor.signatureName} has ${formatDb(sqnrDb)} dB${share}`,
  ];
  const own = operators.filter(({ metrics, absorbed }) => metrics && !absorbed);
  const vanished = own.filter(({ metrics }) => metrics && metrics.medianRelativeDifference >= VANISHED);
  if (vanished.length > 0) {
    lines.push(
      `in ${plural(vanished.length, 'operator')} most values round to nothing, because a few are far larger than the rest: ${kinds(vanished)}, first ${displayName(vanished[0]?.output ?? '')}`,
    );
  }
  const lossy = own
    .filter(({ metrics }) => metrics && !(metrics.sqnrDb >= UNUSABLE_DB))
    .toSorted((a, b) => (a.metrics?.sqnrDb || -1e300) - (b.metrics?.sqnrDb || -1e300));
  if (lossy.length > 0) {
    const named = lossy.slice(0, MOST_NAMED).map(({ operator, output }) => `${operator} ${displayName(output)}`);
    const verb = lossy.length === 1 ? 'loses' : 'lose';
    lines.push(
      `${plural(lossy.length, 'operator')} alone ${verb} a third of the signal or more, most ${named.join(', ')}`,
    );
  }
  const codes = new Set(signatures.flatMap(({ tensors }) => tensors.map(({ quantized }) => quantized.type)));
  const wider = codes.has('INT8')
    ? ['activations of 16 bits (--static int16)', 'float activations (--recipe dynamic_wi8_afp32)']
    : [];
  lines.push(`to try: ${[...wider, 'these operators in float (--exclude)'].join(', ')}`);
  return lines;
}

/** `13 SQUARED_DIFFERENCE, 4 ADD`. */
function kinds(operators: Comparison['operators']): string {
  const counts = new Map<string, number>();
  for (const { operator } of operators) counts.set(operator, (counts.get(operator) ?? 0) + 1);
  return [...counts]
    .sort((a, b) => b[1] - a[1])
    .map(([name, count]) => `${count} ${name}`)
    .join(', ');
}
