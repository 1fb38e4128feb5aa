import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Model } from '../schema/model.ts';
import { atomicWrite, type UnfinishedFile } from '../schema/write-file.node.ts';
import { type BufferPlacement, type FileLayout, layoutModel, modelBytes } from '../schema/writer.ts';
import type { Plan } from './plan/plan.ts';
import type { Recipe } from './recipe/types.ts';
import { recipeToJson, recipeToText } from './recipe/write.ts';
import type { WrittenAhead } from './streaming/write-ahead.node.ts';
import { type FillOptions, fillLayout, writeLayoutFast } from './streaming/write-layout.node.ts';

/** A quantized model before and after it is written. Its weights are computed as they are written. */
export class QuantizationResult {
  /** What was decided for each operator and tensor, with reasons. */
  readonly plan: Plan;
  readonly model: Model;
  readonly #recipe: Recipe;
  readonly #buffers: BufferPlacement;
  readonly #ahead: WrittenAhead | undefined;
  #layout: FileLayout | undefined;

  constructor(plan: Plan, model: Model, recipe: Recipe, buffers: BufferPlacement, ahead?: WrittenAhead) {
    this.plan = plan;
    this.model = model;
    this.#recipe = recipe;
    this.#buffers = buffers;
    this.#ahead = ahead;
  }

  /** The recipe as JSON, as the original writes and reads it. */
  get recipe(): unknown {
    return recipeToJson(this.#recipe);
  }

  get warnings(): readonly string[] {
    return this.plan.warnings;
  }

  /** Bytes the file will have. */
  get sizeBytes(): number {
    return this.#laidOut().sizeBytes;
  }

  /** The whole file in memory. For large models use exportModel, which streams. */
  get quantizedModel(): Uint8Array {
    return modelBytes(this.model, { buffers: this.#buffers });
  }

  /**
   * Writes the model; the file appears when it is complete.
   * @throws AeqError FILE_EXISTS without `overwrite`, FILE_UNWRITABLE.
   */
  async exportModel(path: string, options: FillOptions & { overwrite?: boolean } = {}): Promise<void> {
    await writeLayoutFast(path, this.#laidOut(), options);
  }

  /** Writes the model to a file that the caller ends. @throws AeqError FILE_UNWRITABLE; the abort reason. */
  async fill(file: UnfinishedFile, options: FillOptions = {}): Promise<void> {
    await fillLayout(file, this.#laidOut(), { ...options, ahead: this.#ahead });
  }

  /** The file from start to end, in pieces of at most a few MiB. */
  chunks(): Iterable<Uint8Array> {
    return this.#laidOut().chunks();
  }

  /** Writes `<name>.tflite` and `<name>_recipe.json` to a folder, which is made when it is not there. */
  async save(folder: string, name: string, options: FillOptions & { overwrite?: boolean } = {}): Promise<void> {
    mkdirSync(folder, { recursive: true });
    await this.exportModel(join(folder, `${name}.tflite`), options);
    const text = new TextEncoder().encode(recipeToText(this.#recipe));
    await atomicWrite(join(folder, `${name}_recipe.json`), [text], options);
  }

  #laidOut(): FileLayout {
    this.#layout ??= layoutModel(this.model, { buffers: this.#buffers });
    return this.#layout;
  }
}
