import { alternate, type Cost, median } from './measure.ts';
import { rowOf, type Subject, tell } from './report.ts';

export interface Lengths {
  /** What runs, such as `aeq native, 1 worker`. */
  readonly contender: string;
  /** Numbers of samples. */
  readonly lengths: readonly number[];
  readonly runs: number;
  readonly csv: string | undefined;
}

/**
 * Whole runs of more and more samples, one row each: how their time and their memory grow. The memory is the median of
 * the runs' peaks: when the collector of garbage runs moves the highest one more than the number of samples does.
 */
export function measureLengths(
  { benchmark, model }: Pick<Subject, 'benchmark' | 'model'>,
  { contender, lengths, runs, csv }: Lengths,
  run: (samples: number) => Cost,
): void {
  const contenders = lengths.map((samples) => ({ name: `${samples} samples`, run: () => run(samples) }));
  for (const [length, costs] of alternate(contenders, runs)) {
    const row = rowOf({ benchmark, model, case: length }, contender, costs);
    tell({ ...row, peakBytes: median(costs.map(({ peakBytes }) => peakBytes)) }, csv);
  }
}
