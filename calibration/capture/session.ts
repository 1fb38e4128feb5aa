import type { Feed } from '../../datasets/sample.ts';
import { type Kernels, Workspace } from '../../kernels/index.ts';
import { AeqError } from '../../schema/errors.ts';
import { elementCount, type SignatureView, signatureShape, signatures, typeBits } from '../../schema/graph.ts';
import type { Model } from '../../schema/model.ts';
import { bytesOf, orderedFeed } from '../runtime/feed.ts';
import type { Runtime, Session, SignatureInfo, TensorInfo, TensorView } from '../runtime/runtime.ts';
import { dynamicTensors } from './dynamic.ts';
import { mayBeDynamic } from './fixed.ts';
import { keepsState } from './liveness.ts';
import { openModel } from './open-model.ts';
import { feedShapes, type ProbeResult, probe, unknownShapes } from './probe.ts';
import type { InputShapes, TensorReference, UnreachableTensor } from './reference.ts';
import { type CapturedModel, type CapturedSignature, type CaptureModelOptions, captureModel } from './rewrite.ts';

/** Outputs of one pass by default: what fits beside a model of some hundred megabytes in any interpreter. */
const DEFAULT_MEMORY_BYTES = 2 ** 30;

export interface CaptureOptions {
  /** Most bytes of captured tensors at once; more are taken in several passes over the sample. Default 1 GiB. */
  readonly memoryBytes?: number;
  readonly threads?: number;
}

/** The values of one tensor of the original model, where the interpreter wrote them. */
export interface CapturedTensor extends TensorReference {
  readonly view: TensorView;
  /** Kernels over the memory that `view` lies in. */
  readonly kernels: Kernels;
  /** Room in the same memory for tables and results of kernels; give it back within the pass. */
  readonly room: Room;
}

/** See Session.allocate. */
export type Room = Pick<Session, 'allocate' | 'free'>;

/** One pass: a copy of the model with a part of the wanted tensors as outputs. */
interface Pass {
  readonly captured: CapturedModel;
  session: Session | undefined;
}

/**
 * Runs a model and hands out tensors from its middle. Models with free dimensions are opened for the shapes of the first
 * feed and again when these change. Variable tensors and resources keep their values from run to run (of all signatures
 * together) until `reset`, a change of shapes or `close`; each pass has its own, fed with the same samples.
 */
export class CaptureSession {
  /** What the model takes; -1 is a free dimension. */
  readonly signatures: readonly SignatureInfo[];
  readonly #runtime: Runtime;
  readonly #model: Model;
  #wanted: readonly TensorReference[];
  #unreachable: readonly UnreachableTensor[];
  readonly #views: readonly SignatureView[];
  readonly #options: CaptureOptions;
  readonly #shapes = new Map<string, InputShapes>();
  readonly #probed = new Map<number, ProbeResult>();
  #passes: Pass[] | undefined;
  #workspace: Workspace | undefined;

  constructor(runtime: Runtime, model: Model, wanted: Iterable<TensorReference>, options: CaptureOptions) {
    this.#runtime = runtime;
    this.#model = model;
    this.#views = signatures(model);
    this.#options = options;
    const all = [...wanted];
    this.#unreachable = captureModel(model, all).unreachable;
    const refused = new Set(this.#unreachable.map(keyOf));
    this.#wanted = [...new Map(all.filter((entry) => !refused.has(keyOf(entry))).map((e) => [keyOf(e), e])).values()];
    this.signatures = this.#views.map((view) => describe(model, view));
  }

  /**
   * Wanted tensors whose values cannot be had. Those whose size depends on values are known after the first run of their
   * signature only.
   */
  get unreachable(): readonly UnreachableTensor[] {
    return this.#unreachable;
  }

  /** The number of runs that one sample costs, known after the first run. */
  get passCount(): number {
    return this.#passes?.length ?? 1;
  }

  /**
   * Runs one signature on one sample. Each step of the iteration is one pass with its tensors (in the order the model
   * computes them, inputs first); they are valid until the next step, so finish with them before going on. Breaking off
   * leaves the remaining passes out. Runs must not overlap.
   * @throws AeqError FEED_INVALID, RUNTIME_REJECTED_MODEL, RUNTIME_FAILED, RUNTIME_OUT_OF_MEMORY
   */
  async *run(key: string, feed: Feed): AsyncGenerator<readonly CapturedTensor[], void, undefined> {
    const index = this.#views.findIndex((view) => view.key === key);
    const view = this.#views[index];
    if (view === undefined) throw unknownSignature(key, this.#views);
    checkFeed(this.signatures[index] as SignatureInfo, feed);
    await this.#fit(view, feed);
    for (const [number, pass] of (this.#passes ?? []).entries()) {
      const signature = pass.captured.signatures[index] as CapturedSignature;
      if (number > 0 && !signature.outputs.some((output) => output.wanted)) continue;
      if (signature.outputs.length === 0) {
        yield this.#feedOnly(signature, feed);
        continue;
      }
      const session = await this.#open(pass);
      yield await this.#runPass(session, signature, feed, number === 0);
      if (this.#passes && this.#passes.length > 1) session.releaseOutputs();
    }
  }

  /** Starts variable tensors and resources afresh at the next run. */
  reset(): void {
    for (const pass of this.#passes ?? []) {
      pass.session?.close();
      pass.session = undefined;
    }
  }

  /** Frees everything; the runtime stays open. */
  close(): void {
    this.reset();
    this.#passes = undefined;
  }

  async #open(pass: Pass): Promise<Session> {
    pass.session ??= await openModel(this.#runtime, pass.captured.model, this.#sessionOptions());
    return pass.session;
  }

  #sessionOptions() {
    return this.#options.threads === undefined ? {} : { threads: this.#options.threads };
  }

  async #runPass(session: Session, signature: CapturedSignature, feed: Feed, first: boolean) {
    const index = session.signatures.findIndex((entry) => entry.key === signature.key);
    const known = new Set(signature.inputs.map((input) => input.name));
    const outputs = await session.run(
      index,
      Object.fromEntries(Object.entries(feed).filter(([name]) => known.has(name))),
    );
    const place = { kernels: session.kernels, room: session };
    const result: CapturedTensor[] = [];
    if (first) result.push(...wantedInputs(this.#model, signature, session.inputViews(index), place));
    const views = new Map(outputs.map((view) => [view.name, view]));
    for (const { subgraph, tensor, name, wanted } of signature.outputs) {
      const view = views.get(name);
      if (wanted && view)
        result.push({ subgraph, tensor, view: named(this.#model, { subgraph, tensor }, view), ...place });
    }
    return result;
  }

  /** A graph without operators cannot be run: its wanted tensors are its inputs, placed in memory of our own. */
  #feedOnly(signature: CapturedSignature, feed: Feed): CapturedTensor[] {
    this.#workspace ??= new Workspace();
    const workspace = this.#workspace;
    workspace.reset();
    const views = signature.inputs.map(({ name, shape }): TensorView => {
      const value = feed[name];
      if (value === undefined) throw new AeqError('INTERNAL', `input ${name} is not in the feed`);
      const byteOffset = workspace.place(value.data);
      return { name, type: value.type, shape, byteOffset, sizeBytes: bytesOf(value.data).byteLength };
    });
    const room = { allocate: (sizeBytes: number) => workspace.allocate(sizeBytes), free: () => undefined };
    return wantedInputs(this.#model, signature, views, { kernels: workspace.kernels, room });
  }

  /** Makes the passes for the shapes of this feed, unless they are there already. */
  async #fit(view: SignatureView, feed: Feed): Promise<void> {
    const shapes = feedShapes(feed);
    const same = sameShapes(this.#shapes.get(view.key) ?? fixedShapes(this.#model, view), shapes);
    if (this.#passes && same && this.#probed.has(view.subgraph)) return;
    const written = new Set(
      this.#wanted.filter(({ subgraph }) => subgraph === view.subgraph).map(({ tensor }) => tensor),
    );
    for (const { tensor } of view.inputs) written.delete(tensor);
    const unknown = unknownShapes(this.#model, view, shapes, written);
    const found = await probe(this.#runtime, this.#model, view, unknown, feed);
    this.#shapes.set(view.key, shapes);
    this.#probed.set(view.subgraph, found);
    if (this.#passes && same && found.shapes.size + found.operands.size === 0) return;
    this.close();
    await this.#dropDynamic(view, feed);
    this.#passes = this.#divide();
  }

  /** Takes out tensors that no output buffer can be made for. With state a trial run would change what follows. */
  async #dropDynamic(view: SignatureView, feed: Feed): Promise<void> {
    const subgraph = this.#model.subgraphs[view.subgraph];
    if (subgraph === undefined || keepsState(subgraph) || !mayBeDynamic(this.#model, subgraph)) return;
    const known = new Set(view.inputs.map(({ tensor }) => tensor));
    const tried = this.#wanted.filter((entry) => entry.subgraph === view.subgraph && !known.has(entry.tensor));
    const options = this.#captureOptions();
    const dynamic = await dynamicTensors(this.#runtime, this.#model, view.key, feed, tried, options);
    if (dynamic.length === 0) return;
    this.#wanted = this.#wanted.filter((entry) => !dynamic.includes(entry));
    this.#unreachable = [
      ...this.#unreachable,
      ...dynamic.map(({ subgraph, tensor }) => ({ subgraph, tensor, reason: 'dynamic' as const })),
    ];
  }

  #captureOptions(): CaptureModelOptions {
    return {
      shapes: Object.fromEntries(this.#shapes),
      tensorShape: ({ subgraph, tensor }) => this.#probed.get(subgraph)?.shapes.get(tensor),
      operand: ({ subgraph, tensor }) => this.#probed.get(subgraph)?.operands.get(tensor),
    };
  }

  /** Parts of the wanted tensors whose bytes fit the budget, each a copy of the model. */
  #divide(): Pass[] {
    const budget = this.#options.memoryBytes ?? DEFAULT_MEMORY_BYTES;
    const options = this.#captureOptions();
    const whole = captureModel(this.#model, this.#wanted, options);
    const parts: TensorReference[][] = [];
    for (const signature of uniqueBySubgraph(whole.signatures)) {
      let used = 0;
      let part = 0;
      const add = (reference: TensorReference, sizeBytes: number) => {
        if (used > 0 && used + sizeBytes > budget) {
          part += 1;
          used = 0;
        }
        used += sizeBytes;
        parts[part] ??= [];
        parts[part]?.push(reference);
      };
      for (const tensor of signature.wantedInputs) add({ subgraph: signature.subgraph, tensor }, 0);
      for (const output of signature.outputs) if (output.wanted) add(output, this.#sizeBytes(output));
    }
    if (parts.length <= 1) return [{ captured: whole, session: undefined }];
    return parts.map((part) => ({ captured: captureModel(this.#model, part, options), session: undefined }));
  }

  #sizeBytes(reference: TensorReference): number {
    const tensor = this.#model.subgraphs[reference.subgraph]?.tensors[reference.tensor];
    const shape = this.#probed.get(reference.subgraph)?.shapes.get(reference.tensor) ?? tensor?.shape;
    return (elementCount(shape) * (typeBits(tensor?.type ?? 0) ?? 0)) / 8;
  }
}

/**
 * A session that gives the wanted tensors of a model (tensors of the original by subgraph and index). Nothing is loaded
 * before the first run. Wanted tensors that no interpreter shows are listed in `unreachable`, with the reason.
 */
export function openCapture(
  runtime: Runtime,
  model: Model,
  wanted: Iterable<TensorReference>,
  options: CaptureOptions = {},
): CaptureSession {
  return new CaptureSession(runtime, model, wanted, options);
}

const keyOf = ({ subgraph, tensor }: TensorReference) => `${subgraph}:${tensor}`;

const uniqueBySubgraph = (list: readonly CapturedSignature[]) => [
  ...new Map(list.map((signature) => [signature.subgraph, signature])).values(),
];

function describe(model: Model, view: SignatureView): SignatureInfo {
  const info = ({ name, tensor }: { name: string; tensor: number }): TensorInfo => {
    const entry = model.subgraphs[view.subgraph]?.tensors[tensor];
    return { name, type: entry?.type ?? 0, shape: entry ? signatureShape(entry) : [] };
  };
  return { key: view.key, inputs: view.inputs.map(info), outputs: view.outputs.map(info) };
}

function wantedInputs(
  model: Model,
  signature: CapturedSignature,
  views: readonly TensorView[],
  place: Pick<CapturedTensor, 'kernels' | 'room'>,
) {
  const { subgraph } = signature;
  return signature.wantedInputs.flatMap((tensor): CapturedTensor[] => {
    const name = signature.inputs.find((input) => input.tensor === tensor)?.name;
    const view = views.find((entry) => entry.name === name);
    return view ? [{ subgraph, tensor, view: named(model, { subgraph, tensor }, view), ...place }] : [];
  });
}

const named = (model: Model, { subgraph, tensor }: TensorReference, view: TensorView): TensorView => ({
  ...view,
  name: model.subgraphs[subgraph]?.tensors[tensor]?.name ?? '',
});

function sameShapes(a: InputShapes, b: InputShapes): boolean {
  return Object.keys(b).every((name) => `${a[name]}` === `${b[name]}`);
}

/** The shapes a signature has before any feed was seen. */
function fixedShapes(model: Model, view: SignatureView): InputShapes {
  const { inputs } = describe(model, view);
  return Object.fromEntries(inputs.map(({ name, shape }) => [name, shape]));
}

/** A feed may choose the free dimensions and the first one (the batch); everything else must be the model's. */
function checkFeed(signature: SignatureInfo, feed: Feed): void {
  const inputs = signature.inputs.map((input) => {
    const given = feed[input.name]?.shape;
    const fits =
      given?.length === input.shape.length &&
      given.every((length, axis) => length === input.shape[axis] || axis === 0 || (input.shape[axis] ?? 0) < 0);
    return fits ? { ...input, shape: given } : input;
  });
  orderedFeed({ ...signature, inputs }, feed);
}

const unknownSignature = (key: string, views: readonly SignatureView[]) =>
  new AeqError('FEED_INVALID', `the model has no signature ${key}`, {
    hint: `its signatures are ${views.map((view) => view.key).join(', ')}`,
  });
