import type { Feed } from '../../datasets/sample.ts';
import { Workspace } from '../../kernels/index.ts';
import { AeqError } from '../../schema/errors.ts';
import { type SignatureView, signatures } from '../../schema/graph.ts';
import type { Model } from '../../schema/model.ts';
import { bytesOf } from '../runtime/feed.ts';
import type { Runtime, Session, SignatureInfo, TensorView } from '../runtime/runtime.ts';
import type { CapturedTensor } from './captured-tensor.ts';
import { dynamicTensors, runsTwice } from './dynamic.ts';
import { mayBeDynamic } from './fixed.ts';
import { keepsState } from './liveness.ts';
import { openModel } from './open-model.ts';
import { type DivideOptions, divide, type Pass, type Shown } from './passes.ts';
import { feedShapes, type ProbeResult, probe, unknownShapes } from './probe.ts';
import type { InputShapes, TensorReference, UnreachableTensor } from './reference.ts';
import { type CapturedSignature, type CaptureModelOptions, captureModel } from './rewrite.ts';

import {
  checkFeed,
  describe,
  fixedShapes,
  keyOf,
  named,
  partOf,
  sameShapes,
  unknownSignature,
  wantedInputs,
} from './signature.ts';

export interface CaptureOptions extends DivideOptions {
  readonly threads?: number;
}

export type { CapturedTensor, Room } from './captured-tensor.ts';

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

  /** The number of steps that one sample takes, known after the first run. */
  get passCount(): number {
    return this.#passes?.length ?? 1;
  }

  /**
   * Runs one signature on one sample. Each step of the iteration is one pass or segment with its tensors (in the order the
   * model computes them, inputs first); they are valid until the next step, so finish with them before going on. The same
   * array as in an earlier run is about the same tensors in the same places. Breaking off leaves the remaining ones out. Runs
   * must not overlap.
   * @throws AeqError FEED_INVALID, RUNTIME_REJECTED_MODEL, RUNTIME_FAILED, RUNTIME_OUT_OF_MEMORY
   */
  async *run(key: string, feed: Feed): AsyncGenerator<readonly CapturedTensor[], void, undefined> {
    const index = this.#views.findIndex((view) => view.key === key);
    const view = this.#views[index];
    if (view === undefined) throw unknownSignature(key, this.#views);
    checkFeed(this.signatures[index] as SignatureInfo, feed);
    await this.#fit(view, feed);
    await this.#settle(view, index, feed);
    const values = { ...feed };
    for (const [number, pass] of (this.#passes ?? []).entries()) {
      const signature = pass.captured.signatures[index] as CapturedSignature;
      if (number > 0 && !signature.outputs.some((output) => output.wanted)) continue;
      if (signature.outputs.length === 0) {
        yield this.#feedOnly(signature, feed);
        continue;
      }
      const session = await this.#open(pass);
      const run = session.signatures.findIndex((entry) => entry.key === signature.key);
      const outputs = await session.run(run, partOf(values, signature));
      pass.carried?.keep(session.memory, outputs, values);
      yield this.#shown(pass, session, signature, { inputs: session.inputViews(run), outputs });
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
    pass.session ??= await openModel(this.#runtime, pass.captured.model, this.#sessionOptions(pass));
    return pass.session;
  }

  #sessionOptions({ carried }: Pass) {
    const { threads } = this.#options;
    return { ...(threads !== undefined && { threads }), ...(carried && { sharedOutputs: true }) };
  }

  /** The wanted tensors among inputs and outputs of the last run. */
  #shown(pass: Pass, session: Session, signature: CapturedSignature, views: Omit<Shown, 'tensors'>) {
    const { inputs, outputs } = views;
    if (pass.shown?.inputs === inputs && pass.shown.outputs === outputs) return pass.shown.tensors;
    const place = { kernels: session.kernels, room: session };
    const tensors = wantedInputs(this.#model, signature, inputs, place);
    const byName = new Map(outputs.map((view) => [view.name, view]));
    for (const { subgraph, tensor, name, wanted } of signature.outputs) {
      const view = wanted ? byName.get(name) : undefined;
      if (view) tensors.push({ subgraph, tensor, view: named(this.#model, { subgraph, tensor }, view), ...place });
    }
    pass.shown = { inputs, outputs, tensors };
    return tensors;
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
    const values = { ...feed };
    for (const pass of this.#passes ?? []) {
      const signature = pass.captured.signatures[index] as CapturedSignature;
      if (signature.outputs.length === 0) continue;
      const session = await this.#open(pass);
      const outputs = await runsTwice(session, signature.key, partOf(values, signature));
      if (!outputs) return false;
      pass.carried?.keep(session.memory, outputs, values);
      session.releaseOutputs();
    }
    return true;
  }

  #drop(dynamic: readonly TensorReference[]): void {
    this.#wanted = this.#wanted.filter((entry) => !dynamic.includes(entry));
    const added = dynamic.map(({ subgraph, tensor }) => ({ subgraph, tensor, reason: 'dynamic' as const }));
    this.#unreachable = [...this.#unreachable, ...added];
  }

  #divide(): Pass[] {
    return divide(this.#model, this.#wanted, this.#captureOptions(), this.#options);
  }

  #captureOptions(): CaptureModelOptions {
    return {
      shapes: Object.fromEntries(this.#shapes),
      tensorShape: ({ subgraph, tensor }) => this.#probed.get(subgraph)?.shapes.get(tensor),
      operand: ({ subgraph, tensor }) => this.#probed.get(subgraph)?.operands.get(tensor),
    };
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
