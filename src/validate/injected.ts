import { openModel } from '../../calibration/capture/open-model.ts';
import { probe } from '../../calibration/capture/probe.ts';
import type { CapturedTensor } from '../../calibration/capture/session.ts';
import type { Runtime, Session, TensorView } from '../../calibration/runtime/runtime.ts';
import type { Feed, TensorValue } from '../../datasets/sample.ts';
import { AeqError } from '../../schema/errors.ts';
import { elementCount, type SignatureView, tensorLabel } from '../../schema/graph.ts';
import type { Model, Tensor } from '../../schema/model.ts';
import type { CandidateSignature } from './candidate.ts';
import { type Captured, withScratch } from './captured.ts';
import { DISCONNECTED, type DisconnectedModel, disconnectedModel, type LoneOperator } from './disconnected.ts';
import type { Matching } from './matching.ts';
import type { InjectedMeasurement } from './measurement.ts';
import { compareTensors } from './metrics.ts';
import { codingOf, type TensorNumbers } from './numbers.ts';
import { RecordWriter } from './records.ts';
import { storedValue } from './stored-value.ts';

/** A place where a model can be run that may kill what runs it. */
export interface Isolation {
  /** An interpreter of its own: what crashes it crashes no other. */
  openRuntime(): Promise<Runtime>;
  /** Runs a model once; undefined when that worked, otherwise why not. Survives whatever the model does. */
  tryModel(model: Model, key: string, feed: Feed): Promise<string | undefined>;
  /** Whether a model must be tried before `openRuntime`'s interpreter runs it, because that could end this process. */
  readonly tryFirst: boolean;
}

interface Prepared {
  readonly shapes: string;
  readonly make: (operators: readonly LoneOperator[]) => DisconnectedModel;
}

/**
 * Measures the error that each quantized operator adds by itself: fed with the float model's values, its result is
 * compared with the float model's. All operators run at once in one disconnected copy of the model; operators that break
 * it are found by halving, and left out.
 */
export class InjectedErrors {
  readonly #source: Model;
  readonly #view: SignatureView;
  readonly #matching: Matching;
  readonly #isolation: Isolation;
  readonly #threads: number | undefined;
  readonly #operators: readonly LoneOperator[];
  readonly #problems = new Map<LoneOperator, string>();
  readonly #broken = new Set<LoneOperator>();
  readonly #writer = new RecordWriter();
  #runtime: Runtime | undefined;
  #prepared: Prepared | undefined;
  #open: { readonly disconnected: DisconnectedModel; readonly session: Session } | undefined;
  #tried = false;

  constructor(
    source: Model,
    { quantizedView, matching, operators }: CandidateSignature,
    isolation: Isolation,
    threads: number | undefined,
  ) {
    this.#source = source;
    this.#view = quantizedView;
    this.#matching = matching;
    this.#isolation = isolation;
    this.#threads = threads;
    this.#operators = operators;
    for (const operator of operators) if (operator.problem) this.#problems.set(operator, operator.problem);
  }

  /**
   * Measures one sample. `feed` is what the quantized model takes. The records are valid until the next sample.
   * @throws AeqError RUNTIME_* only when no single operator is to blame.
   */
  async measure(runtime: Runtime, feed: Feed, float: Captured): Promise<InjectedMeasurement> {
    const known = new Set(this.#problems.keys());
    this.#writer.clear();
    const results = await this.#measure(runtime, feed, float);
    const problems = [...this.#problems].filter(([operator]) => !known.has(operator));
    const records = this.#writer.records();
    return {
      results,
      records,
      problems: problems.map(([operator, reason]) => [this.#operators.indexOf(operator), reason]),
    };
  }

  async #measure(runtime: Runtime, feed: Feed, float: Captured): Promise<InjectedMeasurement['results']> {
    for (const operator of this.#running()) {
      const hidden = operator.outputs.find((tensor) => tensor !== undefined && !float.has(tensor));
      if (hidden !== undefined) this.#problems.set(operator, 'no interpreter shows the values it is compared with');
    }
    if (this.#running().length === 0) return [];
    const { make } = await this.#prepare(runtime, feed, float);
    if (this.#isolation.tryFirst && !this.#tried) await this.#exclude(make, float);
    this.#tried = true;
    for (let attempt = 0; this.#running().length > 0; attempt += 1) {
      try {
        return await this.#run(make, float);
      } catch (error) {
        if (!(error instanceof AeqError) || !error.code.startsWith('RUNTIME_')) throw error;
        this.close();
        // Once all culprits are out it must run; if it still does not, the reason lies elsewhere.
        const found = attempt === 0 && (await this.#exclude(make, float));
        if (!found) for (const operator of this.#running()) this.#problems.set(operator, error.message);
      }
    }
    return [];
  }

  /** Operators that no interpreter runs by themselves, by the name of what they make. */
  culprits(): { readonly name: string; readonly reason: string }[] {
    return [...this.#broken].map((operator) => {
      const output = operator.outputs.find((tensor) => tensor !== undefined) ?? -1;
      const name = `${operator.operator} ${tensorLabel(this.#matching.float, output)}`;
      return { name, reason: this.#problems.get(operator) ?? '' };
    });
  }

  #running(): LoneOperator[] {
    return this.#operators.filter((operator) => !this.#problems.has(operator));
  }

  close(): void {
    this.#open?.session.close();
    this.#open = undefined;
    this.#runtime?.close();
    this.#runtime = undefined;
  }

  /** What makes disconnected models of this sample's shapes. */
  async #prepare(runtime: Runtime, feed: Feed, float: Captured): Promise<Prepared> {
    const shapes = [...float].map(([tensor, { view }]) => `${tensor}:${view.shape}`).join();
    if (this.#prepared?.shapes === shapes) return this.#prepared;
    this.close();
    const { operands } = await probe(runtime, this.#source, this.#view, [], feed);
    const known = new Map([...float].map(([tensor, { view }]) => [tensor, view.shape]));
    const values = { shapeOf: (tensor: number) => known.get(tensor), operands };
    this.#prepared = {
      shapes,
      make: (operators) => disconnectedModel(this.#source, this.#view.subgraph, this.#matching, operators, values),
    };
    return this.#prepared;
  }

  async #run(make: Prepared['make'], float: Captured): Promise<InjectedMeasurement['results']> {
    if (!this.#open) {
      const disconnected = make(this.#running());
      const options = this.#threads === undefined ? {} : { threads: this.#threads };
      this.#runtime ??= await this.#isolation.openRuntime();
      this.#open = { disconnected, session: await openModel(this.#runtime, disconnected.model, options) };
    }
    const { disconnected, session } = this.#open;
    const views = await session.run(0, this.#feed(disconnected, float));
    const byName = new Map(views.map((view) => [view.name, view]));
    const [first] = float.values();
    if (first === undefined) return [];
    return withScratch(first, (scratch) =>
      disconnected.outputs.flatMap(({ name, operator, tensor, float: place }): InjectedMeasurement['results'] => {
        const { view: reference, kernels } = float.get(place) as CapturedTensor;
        const view = byName.get(name);
        if (view === undefined) return [];
        const test = numbersOf(view, session.memory, this.#matching.quantized.tensors[tensor] as Tensor);
        const own = numbersOf(reference, kernels.memory, this.#matching.float.tensors[place] as Tensor);
        if (own.count !== test.count) {
          this.#problems.set(operator, 'its result has another size than in the float model');
          return [];
        }
        compareTensors(own, test, scratch, reference.shape.at(-1) ?? 0, this.#writer);
        return [[this.#operators.indexOf(operator), place]];
      }),
    );
  }

  /** The float run's values in the types that the operators read. */
  #feed(disconnected: DisconnectedModel, float: Captured): Feed {
    const entries = disconnected.inputs.map(({ name, tensor }): [string, TensorValue] => {
      const source = float.get(this.#matching.counterpart(tensor) ?? -1);
      const target = this.#matching.quantized.tensors[tensor] as Tensor;
      if (source === undefined) throw new AeqError('INTERNAL', `${target.name} was not captured`);
      return [name, storedValue(source, target)];
    });
    return Object.fromEntries(entries);
  }

  /** Finds the operators that break the model on this sample, by halving. Whether there are any. */
  async #exclude(make: Prepared['make'], float: Captured): Promise<boolean> {
    const attempt = async (operators: readonly LoneOperator[]) => {
      const disconnected = make(operators);
      return this.#isolation.tryModel(disconnected.model, DISCONNECTED, this.#feed(disconnected, float));
    };
    const culprits = await findCulprits(this.#running(), attempt);
    for (const { item, reason } of culprits) {
      this.#problems.set(item, reason);
      this.#broken.add(item);
    }
    return culprits.length > 0;
  }
}

/**
 * The items that make `attempt` fail, each by itself: a set that fails is halved until single items are left. About
 * 2 log2(n) attempts for each culprit, one when there is none.
 */
export async function findCulprits<T>(
  items: readonly T[],
  attempt: (items: readonly T[]) => Promise<string | undefined>,
): Promise<{ item: T; reason: string }[]> {
  if (items.length === 0) return [];
  const reason = await attempt(items);
  if (reason === undefined) return [];
  const [first] = items;
  if (items.length === 1 && first !== undefined) return [{ item: first, reason }];
  const middle = items.length >> 1;
  const left = await findCulprits(items.slice(0, middle), attempt);
  return [...left, ...(await findCulprits(items.slice(middle), attempt))];
}

const numbersOf = (view: TensorView, memory: WebAssembly.Memory, tensor: Tensor): TensorNumbers => ({
  type: view.type,
  count: elementCount(view.shape),
  memory,
  byteOffset: view.byteOffset,
  coding: codingOf(tensor, view.shape),
});
