import { AeqError } from '../schema/errors.ts';
import { typeName } from '../schema/graph.ts';
import { shapeText } from './arrays/array.ts';
import { InputTally } from './check-input.ts';
import type { Finding, FindingLevel } from './finding.ts';
import type { BadSample } from './options.ts';
import type { Dataset, InputSpec, Sample } from './sample.ts';

/** What the values of one input are over all samples that were read. */
export interface InputSummary {
  readonly name: string;
  readonly type: string;
  /** Shape the model declares, -1 for free dimensions. */
  readonly shape: readonly number[];
  readonly elements: number;
  /** Over finite values, in double; 0 when there are none. */
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly standardDeviation: number;
  readonly nans: number;
  readonly infinities: number;
}

export interface DatasetCheck {
  /** Samples that were read. */
  readonly samples: number;
  readonly inputs: readonly InputSummary[];
  /** Errors first. */
  readonly findings: readonly Finding[];
}

/** With fewer samples ranges depend on luck; with fewer than the second they are hardly worth anything. */
const ENOUGH_SAMPLES = 40;
const FEWEST_SAMPLES = 8;
/** Samples a finding names. */
const MOST_NAMED = 5;

/**
 * Reads the samples and says what about them would make a bad calibration: samples that cannot be decoded or do not fit the
 * model, NaN and infinities, constant inputs, samples that are all the same, pictures that look unscaled or scaled twice,
 * noise in place of pictures or sound, texts that are mostly cut off, too few samples. Heuristics give warnings, certain
 * faults errors. @param indices which samples to read; all by default
 */
export async function checkDataset(
  dataset: Dataset & { readonly bad?: readonly BadSample[]; readonly valueRangeSaid?: boolean },
  inputs: readonly InputSpec[],
  indices?: Iterable<number>,
): Promise<DatasetCheck> {
  const tallies = inputs.map((input) => new InputTally(input));
  const findings: Finding[] = [];
  const seen = new Map<string, string>();
  const repeated: string[] = [];
  let samples = 0;
  const wanted = [...(indices ?? range(dataset.length))];
  for await (const sample of readable(dataset, wanted, findings)) {
    samples += 1;
    for (const tally of tallies) tally.add(sample);
    const print = fingerprint(sample);
    const other = seen.get(print);
    if (other === undefined) seen.set(print, sample.name);
    else repeated.push(`${sample.name} (like ${other})`);
  }
  findings.push(...unreadable(dataset.bad ?? []), ...repetition(samples, repeated));
  for (const tally of tallies) findings.push(...tally.findings(samples, dataset.valueRangeSaid));
  findings.push(...tooFew(samples));
  return {
    samples,
    inputs: tallies.map(summary),
    findings: findings.sort((a, b) => LEVELS.indexOf(a.level) - LEVELS.indexOf(b.level)),
  };
}

const LEVELS: readonly FindingLevel[] = ['error', 'warning', 'note'];

const range = (length: number | undefined): Iterable<number> => {
  if (length !== undefined) return Array(length).keys();
  throw new AeqError('USAGE', 'samples of unknown number cannot be checked', { hint: 'say which indices to read' });
};

/** The samples one by one, so that one that does not fit becomes a finding and the others are still read. */
async function* readable(dataset: Dataset, indices: readonly number[], findings: Finding[]): AsyncGenerator<Sample> {
  const wrong: { name: string; message: string }[] = [];
  for (const index of indices) {
    try {
      for await (const sample of dataset.samples([index], { reuseMemory: true })) yield sample;
    } catch (error) {
      if (!(error instanceof AeqError) || error.code === 'INTERNAL') throw error;
      // Counted by the data set, which names them all.
      if (error.code !== 'DATASET_UNREADABLE') wrong.push({ name: `sample ${index}`, message: error.message });
    }
  }
  const [first] = wrong;
  if (!first) return;
  findings.push({
    level: 'error',
    code: 'mismatch',
    message: `${wrong.length} of ${indices.length} samples do not fit the model: ${first.message}`,
    samples: wrong.slice(0, MOST_NAMED).map(({ name }) => name),
  });
}

function unreadable(bad: readonly BadSample[]): Finding[] {
  const [first] = bad;
  if (!first) return [];
  const message = `${bad.length} samples cannot be decoded: ${first.reason}`;
  return [{ level: 'error', code: 'unreadable', message, samples: bad.slice(0, MOST_NAMED).map(({ name }) => name) }];
}

function repetition(samples: number, repeated: readonly string[]): Finding[] {
  if (repeated.length === 0) return [];
  const names = repeated.slice(0, MOST_NAMED);
  if (repeated.length === samples - 1) {
    return [{ level: 'error', code: 'all-equal', message: `all ${samples} samples are the same`, samples: names }];
  }
  const message = `${repeated.length} of ${samples} samples repeat another one`;
  return [{ level: repeated.length * 4 > samples ? 'warning' : 'note', code: 'repeated', message, samples: names }];
}

function tooFew(samples: number): Finding[] {
  if (samples >= ENOUGH_SAMPLES) return [];
  const level = samples < FEWEST_SAMPLES ? 'warning' : 'note';
  const message = `${samples} samples are few: ${ENOUGH_SAMPLES} to 100 make the ranges dependable`;
  return [{ level, code: 'too-few', message, samples: [] }];
}

function summary({ input, totals }: InputTally): InputSummary {
  const { finite, sum, squares, min, max, nans, infinities, elements } = totals;
  const mean = finite === 0 ? 0 : sum / finite;
  return {
    name: input.name,
    type: typeName(input.type),
    shape: input.shape,
    elements,
    min: finite === 0 ? 0 : min,
    max: finite === 0 ? 0 : max,
    mean,
    standardDeviation: finite === 0 ? 0 : Math.sqrt(Math.max(0, squares / finite - mean * mean)),
    nans,
    infinities,
  };
}

/** Two 32-bit FNV-1a hashes over shapes and bytes of all inputs: equal for equal samples, else hardly ever. */
function fingerprint({ feed }: Sample): string {
  let a = 0x811c9dc5;
  let b = 0x01000193;
  const add = (byte: number) => {
    a = Math.imul(a ^ byte, 0x01000193);
    b = Math.imul(b ^ byte, 0x85ebca6b);
  };
  for (const { data } of Object.values(feed)) {
    for (const byte of new Uint8Array(data.buffer, data.byteOffset, data.byteLength)) add(byte);
  }
  const shapes = Object.entries(feed).map(([name, { shape }]) => name + shapeText(shape));
  return `${a >>> 0} ${b >>> 0} ${shapes.join()}`;
}
