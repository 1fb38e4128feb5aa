import { AeqError } from '../../schema/errors.ts';
import type { SampleSource } from '../file-dataset.ts';
import { type DataFile, hashFiles, readWhole } from '../files.node.ts';
import { oneInput } from '../one-input.ts';
import type { AudioDecoder, DatasetHooks, DatasetOptions } from '../options.ts';
import type { InputSpec } from '../sample.ts';
import { freshMemory, type SampleMemory } from '../sample-memory.ts';
import { resampledLength } from './resample.ts';
import { type SoundRecipe, soundRecipe, soundTensor, windowCount } from './tensor.ts';
import { decodeWav, type Sound } from './wav.ts';

/** Extensions that are read here; the others need a decoder of the user's. */
const WAV_EXTENSIONS: ReadonlySet<string> = new Set(['.wav', '.wave']);

/** Extensions of sound. */
export const AUDIO_EXTENSIONS: ReadonlySet<string> = new Set([
  ...WAV_EXTENSIONS,
  '.flac',
  '.mp3',
  '.ogg',
  '.opus',
  '.m4a',
  '.aac',
  '.aiff',
  '.aif',
]);

/**
 * Recordings as samples of a model with one sound input: one window of each, or all. @throws AeqError DATASET_MISMATCH;
 * DATASET_UNKNOWN_KIND for other formats than WAV without a decoder
 */
export async function openAudio(
  files: readonly DataFile[],
  sources: readonly string[],
  inputs: readonly InputSpec[],
  options: DatasetOptions,
  hooks: DatasetHooks = {},
): Promise<SampleSource> {
  const input = oneInput(inputs, 'sound fills');
  const recipe = soundRecipe(input, options.sampleRate);
  const decode = soundDecoder(files, hooks.decodeAudio);
  const all = options.windows === 'all' && recipe.window !== undefined;
  const samples: WindowSample[] = [];
  for (const file of files) samples.push(...windowsOf(file, all ? await countWindows(file, decode, recipe) : 1));
  return {
    names: samples.map(({ name }) => name),
    description: {
      kind: 'audio',
      sources,
      preprocessing: {
        window: recipe.window ?? 'of the recording',
        windows: all ? 'all' : 'first',
        sampleRate: recipe.sampleRate ?? 'of the recording',
        channels: 'mean',
        padding: 'silence behind',
      },
      contentHash: hooks.contentHash ?? (await hashFiles(files)),
    },
    async load(index, memory) {
      const found = samples[index];
      if (!found) throw new AeqError('INTERNAL', `there is no recording ${index}`);
      const sound = await decode(found.file, memory);
      return { [input.name]: soundTensor(sound, found.window, recipe, input, memory) };
    },
  };
}

/** A part of a recording that is a sample. */
interface WindowSample {
  readonly file: DataFile;
  readonly window: number;
  readonly name: string;
}

const windowsOf = (file: DataFile, count: number): WindowSample[] =>
  Array.from({ length: count }, (_, window) => ({
    file,
    window,
    name: count > 1 ? `${file.name}[${window}]` : file.name,
  }));

/** Windows in a recording. A damaged one counts as one sample, which cannot be read. */
async function countWindows(file: DataFile, decode: SoundDecoder, recipe: SoundRecipe): Promise<number> {
  try {
    const { channels, sampleRate } = await decode(file, freshMemory);
    const length = resampledLength(channels[0]?.length ?? 0, sampleRate, recipe.sampleRate ?? sampleRate);
    return windowCount(length, recipe);
  } catch (error) {
    if (error instanceof AeqError && error.code === 'DATASET_UNREADABLE') return 1;
    throw error;
  }
}

type SoundDecoder = (file: DataFile, memory: SampleMemory) => Promise<Sound>;

function soundDecoder(files: readonly DataFile[], other: AudioDecoder | undefined): SoundDecoder {
  const foreign = files.find(({ extension }) => !WAV_EXTENSIONS.has(extension));
  if (foreign && !other) {
    throw new AeqError('DATASET_UNKNOWN_KIND', `${foreign.label} is not WAV, and there is no decoder for it`, {
      where: { file: foreign.label },
      hint: 'convert it to WAV; in the library, give decodeAudio',
    });
  }
  return async (file, memory) => {
    const sound =
      WAV_EXTENSIONS.has(file.extension) || !other
        ? decodeWav(await readWhole(file, memory), file.label, memory)
        : await foreignSound(other, await readWhole(file), file);
    const [first] = sound.channels;
    if (first && first.length > 0) return sound;
    throw new AeqError('DATASET_UNREADABLE', `${file.label} has no sound in it`, { where: { file: file.label } });
  };
}

async function foreignSound(decode: AudioDecoder, bytes: Uint8Array, file: DataFile): Promise<Sound> {
  try {
    return await decode(bytes, file.name);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new AeqError('DATASET_UNREADABLE', `${file.label} cannot be decoded: ${reason}`, {
      where: { file: file.label },
      cause: error,
    });
  }
}
