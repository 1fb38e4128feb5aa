import type { CalibratedSample, TensorStatistics } from '../../schema/documents/calibration.ts';
import { AeqError } from '../../schema/errors.ts';
import { CountsMemory, HistogramCounts } from './histogram-counts.ts';
import { LearnedSum } from './learned-sum.ts';
import type { TensorObservation } from './observation.ts';
import { RangeRows } from './range-rows.ts';

/** Which tensor of the model it is. */
export interface TensorIdentity {
  readonly subgraph: number;
  readonly tensor: number;
  readonly name: string;
  readonly type: number;
  readonly shape: readonly number[];
}

/** The samples and tensors of a calibration document. */
export interface CollectedStatistics {
  readonly samples: readonly CalibratedSample[];
  readonly tensors: readonly TensorStatistics[];
}

/**
 * Statistics of many samples: a commutative monoid whose sum is `build()`. Empty when new; `addSample` and `absorb` may
 * come in any order and grouping and always build the same value.
 */
export class StatisticsSum {
  readonly #samples: CalibratedSample[] = [];
  readonly #keys = new Set<string>();
  readonly #tensors = new Map<string, TensorSum>();
  /** The same by the objects that name them, which are few where samples come one after the other. */
  readonly #known = new WeakMap<TensorIdentity, TensorSum>();
  readonly #memory: CountsMemory;

  /** `memory`: for the histograms of this sum alone. */
  constructor(memory = new CountsMemory()) {
    this.#memory = memory;
  }

  /** Number of samples so far. */
  get sampleCount(): number {
    return this.#samples.length;
  }

  /** This sample is in the sum. */
  has(signature: string, index: number): boolean {
    return this.#keys.has(keyOf({ signature, index }));
  }

  /**
   * Adds what one sample showed. Nothing is added when it throws.
   * @throws AeqError CALIBRATION_MISMATCH when the sample is there already.
   */
  addSample(sample: CalibratedSample, observations: Iterable<readonly [TensorIdentity, TensorObservation]>): void {
    const ordinal = this.#register(sample);
    for (const [identity, observation] of observations) this.#tensor(identity).add(ordinal, observation);
  }

  /**
   * Adds another sum, such as the content of a calibration file.
   * @throws AeqError CALIBRATION_MISMATCH when a sample is in both, or a position names different tensors.
   */
  absorb({ samples, tensors }: CollectedStatistics): void {
    const [doubled, ...more] = samples.filter((sample) => this.has(sample.signature, sample.index));
    if (doubled) throw doubledSample(doubled, more);
    for (const tensor of tensors) this.#tensors.get(keyOfTensor(tensor))?.requireSame(tensor);
    const ordinals = samples.map((sample) => this.#register(sample));
    for (const tensor of tensors) this.#tensor(identityOf(tensor)).absorb(tensor, ordinals);
  }

  /** The sum: samples by signature and index, tensors by position; tensors that no sample showed are left out. */
  build(): CollectedStatistics {
    const order = this.#samples.map((_, ordinal) => ordinal).sort((a, b) => this.#compare(a, b));
    const positions = new Uint32Array(order.length);
    order.forEach((ordinal, position) => {
      positions[ordinal] = position;
    });
    const all = Uint32Array.from(positions.keys());
    const sums = [...this.#tensors.values()].filter((sum) => sum.sampleCount > 0);
    const tensors = sums
      .map((sum) => sum.build(positions, all))
      .sort((a, b) => a.subgraph - b.subgraph || a.tensor - b.tensor);
    return { samples: order.flatMap((ordinal) => this.#samples[ordinal] ?? []), tensors };
  }

  #compare(a: number, b: number): number {
    const [first, second] = [this.#samples[a], this.#samples[b]];
    if (!first || !second) return 0;
    if (first.signature !== second.signature) return first.signature < second.signature ? -1 : 1;
    return first.index - second.index;
  }

  #register(sample: CalibratedSample): number {
    const key = keyOf(sample);
    if (this.#keys.has(key)) throw doubledSample(sample);
    this.#keys.add(key);
    return this.#samples.push({ signature: sample.signature, index: sample.index, name: sample.name }) - 1;
  }

  #tensor(identity: TensorIdentity): TensorSum {
    const known = this.#known.get(identity);
    if (known) return known;
    const key = keyOfTensor(identity);
    const found = this.#tensors.get(key) ?? new TensorSum(identity, this.#memory);
    found.requireSame(identity);
    this.#tensors.set(key, found);
    this.#known.set(identity, found);
    return found;
  }
}

/** Nothing but the identity: sums keep it. */
const identityOf = ({ subgraph, tensor, name, type, shape }: TensorIdentity): TensorIdentity => ({
  subgraph,
  tensor,
  name,
  type,
  shape,
});

const keyOfTensor = ({ subgraph, tensor }: TensorIdentity) => `${subgraph}:${tensor}`;

const keyOf = ({ signature, index }: { signature: string; index: number }) => `${index}:${signature}`;

/** Doubled samples that an error names beside the first. */
const MOST_NAMED = 4;

function doubledSample(sample: CalibratedSample, more: readonly CalibratedSample[] = []): AeqError {
  const name = `sample ${sample.index} (${sample.name}) of signature "${sample.signature}"`;
  const named = more.slice(0, MOST_NAMED).map(({ index }) => index);
  const rest = more.length > named.length ? ' ...' : '';
  const others = more.length > 0 ? `, and so are ${more.length} more: ${named.join(', ')}${rest}` : '';
  return new AeqError('CALIBRATION_MISMATCH', `${name} is there twice${others}`, {
    where: { sample: sample.index },
    hint: 'give each sample, and each part of a calibration, once',
  });
}

/** What the samples so far showed of one tensor. Samples go by the order in which the whole sum met them. */
class TensorSum {
  readonly #identity: TensorIdentity;
  readonly #memory: CountsMemory;
  readonly #ranges = new RangeRows();
  #elements = 0;
  #nans = 0;
  #infinities = 0;
  #histogram: HistogramCounts | undefined;
  #leastRowMaximum: number | undefined;
  readonly #learned = new LearnedSum();

  constructor(identity: TensorIdentity, memory: CountsMemory) {
    this.#identity = identity;
    this.#memory = memory;
  }

  get sampleCount(): number {
    return this.#ranges.count;
  }

  requireSame(other: TensorIdentity): void {
    const mine = this.#identity;
    if (mine === other) return;
    const { subgraph, tensor, name, type, shape } = other;
    if (mine.name === name && mine.type === type && mine.shape.join() === shape.join()) return;
    const message = `tensor ${tensor} of subgraph ${subgraph} is "${mine.name}" in one part and "${name}" in another`;
    throw new AeqError('CALIBRATION_MISMATCH', message, { where: { subgraph, tensor: name } });
  }

  add(ordinal: number, observation: TensorObservation): void {
    this.#ranges.add(ordinal, observation.min, observation.max);
    this.#addTotals(observation);
    if (observation.histogram) this.#counts().addPages(observation.histogram, observation.elements);
    this.#learned.add(observation.rows);
  }

  absorb(statistics: TensorStatistics, ordinals: readonly number[]): void {
    statistics.samples.forEach((position, i) => {
      this.#ranges.add(ordinals[position] ?? 0, statistics.min[i] ?? Number.NaN, statistics.max[i] ?? Number.NaN);
    });
    this.#addTotals(statistics);
    if (statistics.histogram) this.#counts().add(statistics.histogram);
    if (statistics.samples.length > 0) this.#learned.absorb(statistics);
  }

  #counts(): HistogramCounts {
    this.#histogram ??= new HistogramCounts(this.#memory);
    return this.#histogram;
  }

  #addTotals(part: Omit<TensorObservation, 'min' | 'max' | 'histogram' | 'rows'>): void {
    this.#elements += part.elements;
    this.#nans += part.nans;
    this.#infinities += part.infinities;
    if (part.leastRowMaximum !== undefined) {
      this.#leastRowMaximum = Math.min(this.#leastRowMaximum ?? Number.POSITIVE_INFINITY, part.leastRowMaximum);
    }
  }

  /** `positions[ordinal]` is the sample's place in the sorted list, `all` every place of it. */
  build(positions: Uint32Array, all: Uint32Array): TensorStatistics {
    return {
      ...identityOf(this.#identity),
      ...this.#ranges.build(positions, all),
      elements: this.#elements,
      nans: this.#nans,
      infinities: this.#infinities,
      histogram: this.#histogram?.build(),
      leastRowMaximum: this.#leastRowMaximum,
      ...this.#learned.build(),
    };
  }
}
