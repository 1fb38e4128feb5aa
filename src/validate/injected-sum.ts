import type { Sample } from '../../datasets/sample.ts';
import type { OperatorComparison } from '../../schema/documents/comparison.ts';
import { tensorLabel } from '../../schema/graph.ts';
import type { Model, Operator, Tensor } from '../../schema/model.ts';
import type { CandidateSignature } from './candidate.ts';
import type { LoneOperator } from './disconnected.ts';
import { ErrorAccumulator } from './error-sum.ts';
import { isTransparent } from './matching.ts';
import type { InjectedMeasurement } from './measurement.ts';
import { codingOf } from './numbers.ts';
import { RecordReader } from './records.ts';

/** Clipping less than this is an outlier or two, and no mask. */
const MASK_SHARE = 0.01;
/** How much more exact all readers must be than the value they read. */
const ABSORBED_DB = 15;

/** The errors that operators add by themselves, over the samples so far. */
export class InjectedSum {
  readonly #source: Model;
  readonly #signature: CandidateSignature;
  /** By operator, then by the float tensor that its result is compared with. */
  readonly #accumulators: readonly Map<number, ErrorAccumulator>[];
  readonly #problems = new Map<number, string>();

  constructor(source: Model, signature: CandidateSignature) {
    this.#source = source;
    this.#signature = signature;
    this.#accumulators = signature.operators.map(() => new Map());
    signature.operators.forEach(({ problem }, index) => {
      if (problem !== undefined) this.#problems.set(index, problem);
    });
  }

  add({ results, records, problems }: InjectedMeasurement, sample: Pick<Sample, 'index' | 'name'>): void {
    for (const [operator, reason] of problems) {
      if (!this.#problems.has(operator)) this.#problems.set(operator, reason);
    }
    const record = new RecordReader(records);
    for (const [operator, float] of results) {
      const own = this.#accumulators[operator];
      const accumulator = own?.get(float) ?? new ErrorAccumulator(this.#test(operator, float));
      own?.set(float, accumulator);
      accumulator.add(record, sample);
      record.next();
    }
  }

  result(): OperatorComparison[] {
    const { operators, matching, quantizedView } = this.#signature;
    const { tensors } = matching.float;
    const rows = operators.map((operator, index): OperatorComparison => {
      const output = operator.outputs.find((tensor) => tensor !== undefined) ?? -1;
      const own = this.#accumulators[index]?.get(output);
      const problem = this.#problems.get(index);
      return {
        signature: quantizedView.key,
        operator: operator.operator,
        position: operator.position,
        output: tensors[output] ? tensorLabel(matching.float, output) : '',
        mode: operator.mode,
        metrics: problem === undefined && own ? own.metrics() : null,
        absorbed: false,
        ...(problem === undefined ? {} : { problem }),
      };
    });
    return rows.map((row, index) => ({ ...row, absorbed: this.#isAbsorbed(row, operators[index], rows) }));
  }

  /** What the quantized values of an operator's result look like. */
  #test(operator: number, float: number) {
    const { operators, matching } = this.#signature;
    const { position, outputs } = operators[operator] as LoneOperator;
    const made = matching.quantized.operators[position]?.outputs[outputs.indexOf(float)] ?? -1;
    const tensor = matching.quantized.tensors[made] as Tensor;
    return { type: tensor.type, coding: codingOf(tensor) };
  }

  /** The readers' own errors hold what this operator clips: where they are far smaller, it does not matter. */
  #isAbsorbed(
    row: OperatorComparison,
    operator: LoneOperator | undefined,
    rows: readonly OperatorComparison[],
  ): boolean {
    const { metrics } = row;
    if (operator === undefined || metrics === null || (metrics.clippedShare ?? 0) <= MASK_SHARE) return false;
    const { matching } = this.#signature;
    const { operators } = matching.quantized;
    const reads = (position: number) =>
      (operators[position]?.inputs ?? []).some((input) => {
        const value = input < 0 ? undefined : matching.counterpart(input);
        return value !== undefined && operator.outputs.includes(value);
      });
    const readers = operators.flatMap((_, position) =>
      reads(position) && position !== row.position ? [position] : [],
    );
    const made = new Map(rows.map(({ position, metrics: own }) => [position, own?.sqnrDb]));
    const quantizers = readers.filter((position) => !isTransparent(this.#source, operators[position] as Operator));
    return (
      quantizers.length > 0 &&
      quantizers.every((position) => (made.get(position) ?? Number.NaN) >= metrics.sqnrDb + ABSORBED_DB)
    );
  }
}
