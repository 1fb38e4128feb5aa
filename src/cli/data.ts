import { existsSync } from 'node:fs';
import type { DatasetOptions, FileDataset } from '../../datasets/options.ts';
import { AeqError } from '../../schema/errors.ts';
import { signatures } from '../../schema/graph.ts';
import type { Model } from '../../schema/model.ts';
import { suggestion } from '../../schema/nearest.ts';
import { plural } from '../report/format.ts';
import type { RunOptions } from '../run-options.ts';
import { chooseSignature, inputSpecs } from '../sample-sources.ts';
import type { OptionValues } from './options.ts';

/**
 * The data sets that --data names, by signature key. `<signature>=<source>` is for that signature, a manifest for those it
 * names, anything else for the one of --signature.
 * @throws AeqError USAGE, SIGNATURE_UNKNOWN and the errors of the data sets.
 */
export async function openData(model: Model, options: OptionValues): Promise<Record<string, FileDataset>> {
  const sources = options.data ?? [];
  if (sources.length === 0) {
    throw new AeqError('USAGE', 'there are no samples', {
      hint: 'name them with --data: a folder of pictures, .npy or .npz files, text, sound, or a *.dataset.json',
    });
  }
  const said = datasetOptions(options);
  const { openDataset } = await import('../../datasets/open.node.ts');
  const result: Record<string, FileDataset> = {};
  for (const [key, own] of await bySignature(model, sources, options.signature)) {
    const view = chooseSignature(model, key);
    checkKeys(own, model);
    result[view.key] = await openDataset(own, inputSpecs(model, view), { ...said, signature: view.key });
  }
  return result;
}

/** @throws AeqError SIGNATURE_UNKNOWN for `<key>=<source>` whose key is no signature, where only the source is there. */
function checkKeys(sources: readonly string[], model: Model): void {
  for (const source of sources) {
    const at = source.indexOf('=');
    if (at < 1 || existsSync(source) || !existsSync(source.slice(at + 1))) continue;
    const keys = signatures(model).map(({ key }) => key);
    throw new AeqError('SIGNATURE_UNKNOWN', `the model has no signature ${source.slice(0, at)}`, {
      hint: suggestion(source.slice(0, at), new Set(keys)) ?? `it has ${keys.join(', ')}`,
    });
  }
}

async function bySignature(
  model: Model,
  sources: readonly string[],
  chosen: string | undefined,
): Promise<Map<string | undefined, string[]>> {
  const keys = new Set(signatures(model).map(({ key }) => key));
  const result = new Map<string | undefined, string[]>();
  const add = (key: string | undefined, source: string) => result.set(key, [...(result.get(key) ?? []), source]);
  for (const source of sources) {
    const at = source.indexOf('=');
    if (at > 0 && keys.has(source.slice(0, at))) add(source.slice(0, at), source.slice(at + 1));
    else for (const key of chosen === undefined ? await keysOf(source) : [chosen]) add(key, source);
  }
  return result;
}

/** The signatures that a source itself is for; undefined is the model's only or default one. */
async function keysOf(source: string): Promise<(string | undefined)[]> {
  const { isManifest, readManifest } = await import('../../datasets/manifest.node.ts');
  return isManifest(source) ? readManifest(source).map(({ signature }) => signature) : [undefined];
}

function datasetOptions(options: OptionValues): DatasetOptions {
  const { allowBad, preprocess, scale, layout, resize, crop } = options;
  const { sampleRate, windows, tokenizer, maxLength, textField } = options;
  const all = {
    allowBad,
    preprocess,
    scale,
    layout,
    resize,
    crop,
    sampleRate,
    windows,
    tokenizer,
    maxLength,
    textField,
    mean: options.mean === undefined ? undefined : numbers('mean', options.mean),
    std: options.std === undefined ? undefined : numbers('std', options.std),
    size: options.size === undefined ? undefined : parseSize(options.size),
    inputs: options.input && Object.fromEntries(options.input.map(parseInput)),
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as DatasetOptions;
}

/** `127` or `123.7,116.3,103.5`. */
function numbers(flag: string, text: string): number[] {
  const values = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  if (values.every(Number.isFinite)) return values;
  throw new AeqError('USAGE', `--${flag} ${text}: expected numbers separated by commas`, {
    hint: 'one for all channels, or one a channel: 123.7,116.3,103.5',
  });
}

/** `224x160`. */
function parseSize(text: string): [number, number] {
  const [, height, width] = /^(\d{1,6})x(\d{1,6})$/.exec(text) ?? [];
  if (Number(height) > 0 && Number(width) > 0) return [Number(height), Number(width)];
  throw new AeqError('USAGE', `--size ${text}: expected height and width`, { hint: 'such as 224x160' });
}

/** `name=part`. */
function parseInput(text: string): [string, string] {
  const at = text.lastIndexOf('=');
  if (at > 0 && at < text.length - 1) return [text.slice(0, at), text.slice(at + 1)];
  throw new AeqError('USAGE', `--input ${text}: expected the name of an input and what fills it`, {
    hint: 'such as input_ids=ids',
  });
}

const UNITS: Readonly<Record<string, number>> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 };

/** The bytes of `--memory`: `2GB`, `512M`, `1000000`. */
function memoryBytes({ memory }: OptionValues): number | undefined {
  if (memory === undefined) return undefined;
  const found = /^\s*(\d+(?:\.\d+)?)\s*([KMG]?)i?B?\s*$/i.exec(memory);
  const unit = UNITS[(found?.[2] ?? '').toUpperCase()];
  const bytes = found && unit !== undefined ? Math.floor(Number(found[1]) * unit) : 0;
  if (bytes > 0) return bytes;
  throw new AeqError('USAGE', `--memory ${memory}: expected an amount of bytes`, { hint: 'such as 512MB or 2GB' });
}

/** What the options say of how samples are run. @throws AeqError USAGE */
export const runOptions = (options: OptionValues, signal: AbortSignal): RunOptions => ({
  samples: options.samples,
  seed: options.seed,
  runtime: options.runtime,
  library: options.library,
  workers: options.workers,
  memoryBytes: memoryBytes(options),
  signal,
});

/** What the samples that could not be decoded come to, for a warning. */
export function badSamples(datasets: Readonly<Record<string, FileDataset>>): string[] {
  return Object.values(datasets).flatMap(({ bad, length }) => {
    if (bad.length === 0) return [];
    const reasons = bad.slice(0, 5).map(({ reason }) => reason);
    const more = bad.length > reasons.length ? ` and ${bad.length - reasons.length} more` : '';
    return [`${bad.length} of ${plural(length, 'sample')} left out: ${reasons.join('; ')}${more}`];
  });
}
