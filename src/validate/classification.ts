import type { Labels } from '../../datasets/labels.ts';
import type { Sample } from '../../datasets/sample.ts';
import type { Classification } from '../../schema/documents/comparison.ts';

/** Samples for which the models disagree that are listed. */
const LISTED = 100;
/** Classes that count as named under top-5. */
const SHORT_LIST = 5;

interface Tally {
  top1: number;
  top5: number;
}

/** What two models say of one sample: their best classes, the best first. */
export interface Scores {
  readonly classes: number;
  readonly float: readonly number[];
  readonly quantized: readonly number[];
}

/** @param float, quantized one number a class */
export function scoresOf(float: Float32Array, quantized: Float32Array): Scores {
  return { classes: float.length, float: ranked(float), quantized: ranked(quantized) };
}

/** Counts how often each model is right and how often they agree. */
export class ClassificationCounter {
  readonly #labels: Labels | undefined;
  readonly #float: Tally = { top1: 0, top5: 0 };
  readonly #quantized: Tally = { top1: 0, top5: 0 };
  readonly #changed: Classification['changed'] = [];
  #classes = 0;
  #compared = 0;
  #labelled = 0;
  #agreed = 0;

  constructor(labels: Labels | undefined) {
    this.#labels = labels;
  }

  get hasLabels(): boolean {
    return this.#labels !== undefined;
  }

  /** Adds what one sample showed. */
  add(sample: Pick<Sample, 'index' | 'name'>, { classes, float: first, quantized: second }: Scores): void {
    const accepted = this.#labels?.[sample.index];
    this.#classes = classes;
    this.#compared += 1;
    if (accepted !== undefined) {
      this.#labelled += 1;
      count(this.#float, first, accepted);
      count(this.#quantized, second, accepted);
    }
    if (first[0] === second[0]) this.#agreed += 1;
    else if (this.#changed.length < LISTED) {
      const { index, name } = sample;
      this.#changed.push({
        sample: index,
        name,
        labels: [...(accepted ?? [])],
        float: first[0] ?? 0,
        quantized: second[0] ?? 0,
      });
    }
  }

  result(signature: string, output: string): Classification | null {
    if (this.#compared === 0) return null;
    const share = ({ top1, top5 }: Tally) =>
      this.#labelled === 0 ? null : { top1: top1 / this.#labelled, top5: top5 / this.#labelled };
    return {
      signature,
      output,
      classes: this.#classes,
      labelled: this.#labelled,
      compared: this.#compared,
      float: share(this.#float),
      quantized: share(this.#quantized),
      agreement: this.#agreed / this.#compared,
      changed: this.#changed,
    };
  }
}

function count(tally: Tally, best: readonly number[], accepted: ReadonlySet<number>): void {
  if (best[0] !== undefined && accepted.has(best[0])) tally.top1 += 1;
  if (best.some((label) => accepted.has(label))) tally.top5 += 1;
}

/** The classes with the highest scores, best first; of equal scores the lower class number first. NaN is never among them. */
function ranked(scores: Float32Array): number[] {
  const best: number[] = [];
  for (let index = 0; index < scores.length; index += 1) {
    const score = scores[index] as number;
    if (Number.isNaN(score)) continue;
    const place = best.findIndex((other) => score > (scores[other] as number));
    if (place < 0) best.push(index);
    else best.splice(place, 0, index);
    if (best.length > SHORT_LIST) best.pop();
  }
  return best;
}
