import type { Comparison } from '../../schema/documents/comparison.ts';
import { formatDb, formatPercent, formatShare, plural } from './format.ts';

/** How far the quantized model is from the float one, for people who read no decibels. */
export type VerdictLevel = 'equal' | 'close' | 'near' | 'different' | 'unusable';

export interface Verdict {
  readonly level: VerdictLevel;
  /** Two or three words. */
  readonly title: string;
  /** Sentences on the result, the accuracy and the size. */
  readonly sentences: readonly string[];
}

/** Below this an output has lost a third of its signal. */
export const UNUSABLE_DB = 10;
/** Below this an output has lost a tenth of its signal. */
export const POOR_DB = 20;
/** Above this the error is 3 % of the signal or less. */
const CLOSE_DB = 30;
/** A classifier that names the same class this often is of use, whatever happens to its scores. */
const USABLE_AGREEMENT = 0.9;

const TITLES: Readonly<Record<VerdictLevel, string>> = {
  equal: 'Equal to the float model',
  close: 'Close to the float model',
  near: 'Near the float model',
  different: 'Different from the float model',
  unusable: 'Not usable as it is',
};

/** The output with the least SQNR; NaN is less than anything. */
export function worstOutput({ signatures }: Pick<Comparison, 'signatures'>) {
  const order = (db: number) => (Number.isNaN(db) ? Number.NEGATIVE_INFINITY : db);
  return signatures
    .flatMap(({ key, outputs }) => outputs.map((tensor) => ({ signature: key, tensor })))
    .reduce<{ signature: string; tensor: Comparison['signatures'][number]['outputs'][number] } | undefined>(
      (worst, entry) =>
        worst === undefined || order(entry.tensor.metrics.sqnrDb) < order(worst.tensor.metrics.sqnrDb) ? entry : worst,
      undefined,
    );
}

/** The comparison in two or three sentences. */
export function verdictOf(comparison: Comparison): Verdict {
  const worst = worstOutput(comparison);
  const sqnrDb = worst?.tensor.metrics.sqnrDb ?? Number.NaN;
  const level = levelOf(sqnrDb, comparison.classification?.agreement);
  const sentences = [
    ...gateSentences(comparison),
    ...(worst === undefined
      ? []
      : [errorSentence(comparison, worst.tensor.signatureName ?? worst.tensor.name, sqnrDb)]),
    ...accuracySentences(comparison),
    sizeSentence(comparison),
  ];
  return { level, title: TITLES[level], sentences };
}

function levelOf(sqnrDb: number, agreement: number | undefined): VerdictLevel {
  if (Number.isNaN(sqnrDb)) return 'unusable';
  if (sqnrDb === Number.POSITIVE_INFINITY) return 'equal';
  if (sqnrDb >= CLOSE_DB) return 'close';
  if (sqnrDb >= POOR_DB) return 'near';
  return sqnrDb < UNUSABLE_DB && !((agreement ?? 0) >= USABLE_AGREEMENT) ? 'unusable' : 'different';
}

function errorSentence({ signatures }: Comparison, name: string, sqnrDb: number): string {
  const samples = plural(
    signatures.reduce((sum, { samples: count }) => sum + count, 0),
    'sample',
  );
  const several = signatures.reduce((sum, { outputs }) => sum + outputs.length, 0) > 1;
  const subject = several ? `The worst output, ${name},` : `Its output ${name}`;
  if (sqnrDb === Number.POSITIVE_INFINITY) return `All outputs are the same on ${samples}.`;
  if (Number.isNaN(sqnrDb)) return `${subject} holds values that are no finite numbers.`;
  return `${subject} is off by ${errorShare(sqnrDb)} of the signal on ${samples} (${formatDb(sqnrDb)} dB).`;
}

/** 20 dB are an error of a tenth of the signal: the root of the mean square of one over that of the other. */
export const errorShare = (sqnrDb: number): string => formatPercent(10 ** (-sqnrDb / 20));

function gateSentences({ gates }: Comparison): string[] {
  const failed = gates.filter(({ passed }) => !passed);
  if (failed.length === 0) return [];
  return [
    `${failed.length} of ${plural(gates.length, 'gate')} failed: ${failed.map(({ condition }) => condition).join(', ')}.`,
  ];
}

function accuracySentences({ classification }: Comparison): string[] {
  if (!classification) return [];
  const { float, quantized, agreement, compared, labelled } = classification;
  const lines = [
    `Both models name the same class first for ${formatShare(agreement)} of ${plural(compared, 'sample')}.`,
  ];
  if (float && quantized) {
    lines.push(
      `The quantized model is right for ${formatShare(quantized.top1)} of ${plural(labelled, 'labelled sample')}, the float model for ${formatShare(float.top1)}.`,
    );
  }
  return lines;
}

function sizeSentence({ float, quantized }: Comparison): string {
  const ratio = float.sizeBytes / quantized.sizeBytes;
  if (!(ratio > 1.05)) return `The file has ${formatPercent(quantized.sizeBytes / float.sizeBytes)} of the size.`;
  return `The file is ${ratio.toFixed(1)} times smaller.`;
}
