import type { Feed, InputSpec } from '../sample.ts';
import type { SampleMemory } from '../sample-memory.ts';
import type { ArrayType } from './array.ts';
import { conversionNote } from './convert.ts';

/** Samples of some files, before a value range is applied. */
export interface OpenedSamples {
  readonly names: readonly string[];
  /** `uint8 -> float32` by input name. */
  readonly conversions: Readonly<Record<string, string>>;
  load(index: number, memory: SampleMemory): Promise<Feed>;
}

/** An input and what its array is called. */
export interface Column {
  readonly input: InputSpec;
  readonly key: string;
}

/** `uint8 -> float32` for each input whose elements are converted. */
export const conversions = (columns: readonly { input: InputSpec; array: { type: ArrayType } }[]) =>
  Object.fromEntries(
    columns.flatMap(({ input, array }) => {
      const note = conversionNote(array.type, input.type);
      return note === undefined ? [] : [[input.name, note] as const];
    }),
  );
