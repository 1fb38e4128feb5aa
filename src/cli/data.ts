import type { DatasetOptions, FileDataset } from '../../datasets/options.ts';
import { AeqError } from '../../schema/errors.ts';
import { signatures } from '../../schema/graph.ts';
import type { Model } from '../../schema/model.ts';
import { chooseSignature, inputSpecs } from '../sample-sources.ts';
import type { OptionValues } from './options.ts';

/**
 * The data sets that --data names, by signature key. `<signature>=<source>` is for that signature, others for the one
 * of --signature.
 * @throws AeqError USAGE, SIGNATURE_UNKNOWN and the errors of the data sets.
 */
export async function openData(model: Model, options: OptionValues): Promise<Record<string, FileDataset>> {
  const sources = options.data ?? [];
  if (sources.length === 0) {
    throw new AeqError('USAGE', 'there are no samples', {
      hint: 'name them with --data: a folder of pictures, .npy ...',
    });
  }
  const { openDataset } = await import('../../datasets/open.node.ts');
  const result: Record<string, FileDataset> = {};
  for (const [key, own] of bySignature(model, sources, options.signature)) {
    const view = chooseSignature(model, key);
    result[view.key] = await openDataset(own, inputSpecs(model, view), datasetOptions(options));
  }
  return result;
}

function bySignature(
  model: Model,
  sources: readonly string[],
  chosen: string | undefined,
): Map<string | undefined, string[]> {
  const keys = new Set(signatures(model).map(({ key }) => key));
  const result = new Map<string | undefined, string[]>();
  for (const source of sources) {
    const at = source.indexOf('=');
    const named = at > 0 && keys.has(source.slice(0, at));
    const key = named ? source.slice(0, at) : chosen;
    result.set(key, [...(result.get(key) ?? []), named ? source.slice(at + 1) : source]);
  }
  return result;
}

function datasetOptions(options: OptionValues): DatasetOptions {
  const { allowBad, preprocess, scale, layout, resize, crop, tokenizer, maxLength, mean, std } = options;
  const all = {
    allowBad,
    preprocess,
    scale,
    layout,
    resize,
    crop,
    tokenizer,
    maxLength,
    mean: mean === undefined ? undefined : numbers('mean', mean),
    std: std === undefined ? undefined : numbers('std', std),
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

const UNITS: Readonly<Record<string, number>> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 };

/** `2GB`, `512M`, `1000000` in bytes. */
export function parseBytes(text: string): number {
  const found = /^\s*(\d+(?:\.\d+)?)\s*([KMG]?)i?B?\s*$/i.exec(text);
  const unit = UNITS[(found?.[2] ?? '').toUpperCase()];
  if (found && unit !== undefined) return Math.floor(Number(found[1]) * unit);
  throw new AeqError('USAGE', `--memory ${text}: expected an amount of bytes`, { hint: 'such as 512MB or 2GB' });
}

/** What the samples that could not be decoded come to, for a warning. */
export function badSamples(datasets: Readonly<Record<string, FileDataset>>): string[] {
  return Object.values(datasets).flatMap(({ bad }) => {
    if (bad.length === 0) return [];
    const names = bad.slice(0, 5).map(({ name, reason }) => `${name} (${reason})`);
    return [`${bad.length} files were left out: ${names.join(', ')}${bad.length > 5 ? ' ...' : ''}`];
  });
}
