import { existsSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { type DatasetManifest, MANIFEST_EXTENSION, manifestSchema } from '../schema/documents/dataset-manifest.ts';
import { readDocument } from '../schema/documents/json-file.node.ts';
import { AeqError } from '../schema/errors.ts';
import type { DatasetOptions } from './options.ts';

export const isManifest = (source: string): boolean => source.endsWith(MANIFEST_EXTENSION);

/** Where labels are, with paths that can be opened. */
export interface LabelsSource {
  readonly file: string;
  readonly column: string | undefined;
  /** File with one class name a line. */
  readonly classes: string | undefined;
}

/** What a manifest says of the data of one signature, with paths that can be opened. */
export interface ManifestPart {
  /** Undefined: the model's only or default signature. */
  readonly signature: string | undefined;
  readonly sources: readonly string[];
  readonly options: DatasetOptions;
  readonly labels: LabelsSource | undefined;
  readonly selection: { readonly samples?: number | undefined; readonly seed?: number | undefined };
  readonly contentHash: string | undefined;
}

/** @throws AeqError FILE_NOT_FOUND, FILE_UNREADABLE, MANIFEST_INVALID naming the field */
export function readManifest(file: string): ManifestPart[] {
  const manifest = readDocument(manifestSchema, file, { what: 'dataset manifest', code: 'MANIFEST_INVALID' });
  const { format: _, version: __, description: ___, signatures, signature, data, ...common } = manifest;
  const folder = dirname(file);
  if (data !== undefined) return [toPart({ ...common, data }, signature, folder)];
  return Object.entries(signatures ?? {}).map(([key, part]) => toPart({ ...common, ...part }, key, folder));
}

type Said = Omit<DatasetManifest, 'format' | 'version' | 'description' | 'signatures' | 'signature'>;

function toPart(said: Said, signature: string | undefined, folder: string): ManifestPart {
  const { data = [], samples, seed, labels, contentHash, tokenizer, ...options } = said;
  const resolve = (path: string): string => pathIn(folder, path);
  const { file, column, classes } =
    typeof labels === 'object' ? labels : { file: labels, column: undefined, classes: undefined };
  const given = { ...options, tokenizer: tokenizer === undefined ? undefined : resolve(tokenizer) };
  return {
    signature,
    sources: data.map(resolve),
    options: withoutUndefined(given),
    labels: file === undefined ? undefined : { file: resolve(file), column, classes: classes && resolve(classes) },
    selection: { samples, seed },
    contentHash,
  };
}

/** A path of a manifest, relative to its folder; written with backslashes as on Windows it is understood elsewhere too. */
function pathIn(folder: string, path: string): string {
  const full = isAbsolute(path) ? path : join(folder, path);
  if (!path.includes('\\') || existsSync(full)) return full;
  const turned = join(folder, path.replaceAll('\\', '/'));
  return existsSync(turned) ? turned : full;
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

function withoutUndefined<T extends object>(value: T): Defined<T> {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)) as Defined<T>;
}

/**
 * The part of a manifest for a signature; without one its only part.
 * @throws AeqError SIGNATURE_UNKNOWN where the manifest has none for it, or several and none is chosen
 */
export function choosePart(parts: readonly ManifestPart[], signature: string | undefined, file: string): ManifestPart {
  const [only] = parts;
  if (only && parts.length === 1 && (signature === undefined || (only.signature ?? signature) === signature))
    return only;
  const found = parts.find((part) => part.signature === signature);
  if (found) return found;
  const keys = parts.map((part) => part.signature ?? 'the default signature').join(', ');
  const what =
    signature === undefined ? 'has data of several signatures' : `has no data for the signature ${signature}`;
  throw new AeqError('SIGNATURE_UNKNOWN', `${file} ${what}: ${keys}`, {
    where: { file },
    hint: `choose one of ${keys}`,
  });
}
