import type { Feed } from '../../datasets/sample.ts';
import { Workspace } from '../../kernels/index.ts';
import { AeqError } from '../../schema/errors.ts';
import { elementCount, type SignatureView, signatures, typeBits } from '../../schema/graph.ts';
import type { Model } from '../../schema/model.ts';
import { bytesOf } from '../runtime/feed.ts';
import type { Runtime, Session, SignatureInfo, TensorView } from '../runtime/runtime.ts';
import type { CapturedTensor } from './captured-tensor.ts';
import { dynamicTensors, runsTwice } from './dynamic.ts';
import { mayBeDynamic } from './fixed.ts';
import { keepsState } from './liveness.ts';
import { openModel } from './open-model.ts';
import { feedShapes, type ProbeResult, probe, unknownShapes } from './probe.ts';
import type { InputShapes, TensorReference, UnreachableTensor } from './reference.ts';
import { type CapturedModel, type CapturedSignature, type CaptureModelOptions, captureModel } from './rewrite.ts';

import {
  checkFeed,
  describe,
  fixedShapes,
  keyOf,
  named,
  partOf,
  sameShapes,
  uniqueBySubgraph,
  unknownSignature,
  wantedInputs,
} from './signature.ts';

/** Outputs of one pass by default: what fits beside a model of some hundred megabytes in any interpreter. */
const DEFAULT_MEMORY_BYTES = 2 ** 30;

export interface CaptureOptions {
  /** Most bytes of captured tensors at once; more are taken in several passes over the sample. Default 1 GiB. */
  readonly memoryBytes?: number;
  readonly threads?: number;
}

export type { CapturedTensor, Room } from './captured-tensor.ts';

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
  /** Signatures whose outputs are known to be written. */
  readonly #settled = new Set<string>();
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
    await this.#settle(view, index, feed);
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
    this.#settled.clear();
  }

  /** The session of a pass; another one where it was never opened, or the interpreter crashed since. */
  async #open(pass: Pass): Promise<Session> {
    if (pass.session?.alive === false) {
      pass.session.close();
      pass.session = undefined;
    }
    pass.session ??= await openModel(this.#runtime, pass.captured.model, this.#sessionOptions());
    return pass.session;
  }

  #sessionOptions() {
    return this.#options.threads === undefined ? {} : { threads: this.#options.threads };
  }

  async #runPass(session: Session, signature: CapturedSignature, feed: Feed, first: boolean) {
    const index = session.signatures.findIndex((entry) => entry.key === signature.key);
    const outputs = await session.run(index, partOf(feed, signature));
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
    this.#passes = this.#divide();
  }

  /**
   * Takes out tensors that no output buffer can be made for, found by trial runs. With state a trial run would change what
   * follows, so there is none.
   */
  async #settle(view: SignatureView, index: number, feed: Feed): Promise<void> {
    if (this.#settled.has(view.key)) return;
    const subgraph = this.#model.subgraphs[view.subgraph];
    const safe = subgraph === undefined || keepsState(subgraph) || !mayBeDynamic(this.#model, subgraph);
    if (!safe && !(await this.#givesAll(index, feed))) {
      const inputs = new Set(view.inputs.map(({ tensor }) => tensor));
      const tried = this.#wanted.filter((entry) => entry.subgraph === view.subgraph && !inputs.has(entry.tensor));
      this.close();
      this.#drop(await dynamicTensors(this.#runtime, this.#model, view.key, feed, tried, this.#captureOptions()));
      this.#passes = this.#divide();
    }
    this.#settled.add(view.key);
  }

  async #givesAll(index: number, feed: Feed): Promise<boolean> {
    for (const pass of this.#passes ?? []) {
      const signature = pass.captured.signatures[index] as CapturedSignature;
      if (signature.outputs.length === 0) continue;
      const session = await this.#open(pass);
      if (!(await runsTwice(session, signature.key, partOf(feed, signature)))) return false;
      session.releaseOutputs();
    }
    return true;
  }

  #drop(dynamic: readonly TensorReference[]): void {
    this.#wanted = this.#wanted.filter((entry) => !dynamic.includes(entry));
    const added = dynamic.map(({ subgraph, tensor }) => ({ subgraph, tensor, reason: 'dynamic' as const }));
    this.#unreachable = [...this.#unreachable, ...added];
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
