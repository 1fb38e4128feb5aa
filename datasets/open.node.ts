import { AeqError } from '../schema/errors.ts';
import { ARCHIVE_EXTENSIONS, archiveLabels, expandArchives } from './archive.node.ts';
import { ARRAY_EXTENSIONS, openArrays } from './arrays/open.node.ts';
import { AUDIO_EXTENSIONS, openAudio } from './audio/open.node.ts';
import { createFileDataset, type SampleSource } from './file-dataset.ts';
import { type DataFile, listFiles, readText } from './files.node.ts';
import { IMAGE_EXTENSIONS, openImages } from './images/open.node.ts';
import { readLabels } from './labels.node.ts';
import type { Labels } from './labels.ts';
import { choosePart, isManifest, type LabelsSource, readManifest } from './manifest.node.ts';
import type { DatasetHooks, DatasetOptions, FileDataset } from './options.ts';
import { openParquet, PARQUET_EXTENSIONS } from './parquet/open.node.ts';
import type { InputSpec } from './sample.ts';
import { openTexts, TEXT_EXTENSIONS } from './text/open.node.ts';

/** A kind of data: which files are its, and how they become samples. */
interface DataKind {
  readonly name: string;
  readonly extensions: ReadonlySet<string>;
  /** The options that mean something for it. */
  readonly options: readonly (keyof DatasetOptions)[];
  /** Found beside other kinds (labels, a read-me), its files are not what is meant. */
  readonly yields?: boolean;
  open(
    files: readonly DataFile[],
    sources: readonly string[],
    inputs: readonly InputSpec[],
    options: DatasetOptions,
    hooks: DatasetHooks,
  ): Promise<SampleSource>;
}

const TABLES: ReadonlySet<string> = new Set(['.csv', '.tsv']);

/** Tables are texts where there is a tokenizer and numbers where there is none. */
const openTextsOrTables: DataKind['open'] = (files, sources, inputs, options, hooks) => {
  const numbers = options.tokenizer === undefined && files.every(({ extension }) => TABLES.has(extension));
  return numbers ? openArrays(files, sources, inputs, options, hooks) : openTexts(files, sources, inputs, options);
};

const RANGE_OPTIONS = ['preprocess', 'mean', 'std', 'scale', 'layout'] as const;
const IMAGE_OPTIONS = [...RANGE_OPTIONS, 'resize', 'crop', 'size'] as const;
const TEXT_OPTIONS = ['tokenizer', 'maxLength', 'textField', 'inputs'] as const;
const COMMON_OPTIONS: readonly (keyof DatasetOptions)[] = ['allowBad', 'signature'];

const KINDS: readonly DataKind[] = [
  { name: 'pictures', extensions: IMAGE_EXTENSIONS, options: IMAGE_OPTIONS, open: openImages },
  { name: 'arrays', extensions: ARRAY_EXTENSIONS, options: [...RANGE_OPTIONS, 'inputs'], open: openArrays },
  { name: 'recordings', extensions: AUDIO_EXTENSIONS, options: ['sampleRate', 'windows'], open: openAudio },
  {
    name: 'parquet files',
    extensions: PARQUET_EXTENSIONS,
    options: [...IMAGE_OPTIONS, ...TEXT_OPTIONS],
    open: openParquet,
  },
  {
    name: 'texts',
    extensions: TEXT_EXTENSIONS,
    options: [...TEXT_OPTIONS, ...RANGE_OPTIONS],
    yields: true,
    open: openTextsOrTables,
  },
];

/**
 * Opens a data set from files and folders, whose kind is found out from the names of the files: pictures, arrays,
 * recordings, parquet files or texts, also within tar archives; or from one manifest, whose options hold where the given
 * ones say nothing. Other files in a folder, such as a list of labels, are left alone. Nothing is decoded yet.
 * Sources, inputs and options are JSON, so that a worker can open the same data set.
 * @param inputs what the model's signature takes; free dimensions are filled from the data
 * @throws AeqError FILE_NOT_FOUND; DATASET_EMPTY; DATASET_UNKNOWN_KIND; DATASET_MISMATCH when data and model do not fit;
 * USAGE for options that do not fit; MANIFEST_INVALID
 */
export async function openDataset(
  sources: readonly string[],
  inputs: readonly InputSpec[],
  options: DatasetOptions = {},
  hooks: DatasetHooks = {},
): Promise<FileDataset> {
  const dataset = await openOnly(sources, inputs, options, hooks);
  if (hooks.decodeAudio) return dataset;
  const origin: Origin = { sources, inputs, options, contentHash: dataset.description.contentHash };
  // Not spread: what it tells of bad samples changes.
  return Object.assign(dataset, { origin });
}

/** What another process needs to open the same data set. */
interface Origin {
  readonly sources: readonly string[];
  readonly inputs: readonly InputSpec[];
  readonly options: DatasetOptions;
  readonly contentHash: string | undefined;
}

/**
 * The data set of which `origin` is the origin; its files are not read for their hash again. Samples that cannot be read
 * are passed over: how many may be is known to whoever opened it first.
 */
export function reopenDataset(origin: unknown): Promise<FileDataset> {
  const { sources, inputs, options, contentHash } = origin as Origin;
  return openOnly(sources, inputs, { ...options, allowBad: 1 }, { contentHash });
}

async function openOnly(
  sources: readonly string[],
  inputs: readonly InputSpec[],
  options: DatasetOptions,
  hooks: DatasetHooks,
): Promise<FileDataset> {
  const manifest = sources.find(isManifest);
  if (manifest === undefined) return createFileDataset(await openSources(sources, inputs, options, hooks), options);
  if (sources.length > 1) {
    throw new AeqError('USAGE', `${manifest} is a manifest and cannot be mixed with other data`, {
      hint: 'list the other data in the manifest',
    });
  }
  return openManifest(manifest, inputs, options, hooks);
}

async function openManifest(
  file: string,
  inputs: readonly InputSpec[],
  options: DatasetOptions,
  hooks: DatasetHooks,
): Promise<FileDataset> {
  const part = choosePart(readManifest(file), options.signature, file);
  const merged = { ...part.options, ...options };
  const source = await openSources(part.sources, inputs, merged, hooks);
  const found = source.description.contentHash;
  if (part.contentHash !== undefined && part.contentHash !== found) {
    throw new AeqError('DATASET_MISMATCH', `the data is not what ${file} was written for: its hash is ${found}`, {
      where: { file, field: 'contentHash' },
      hint: 'restore the data, or correct contentHash',
    });
  }
  const labels = part.labels ? await readManifestLabels(part.labels, source.names) : source.labels;
  const description = { ...source.description, sources: [file] };
  return createFileDataset({ ...source, description, labels }, { ...merged, selection: part.selection });
}

async function readManifestLabels({ file, column, classes }: LabelsSource, names: readonly string[]): Promise<Labels> {
  const classNames = classes === undefined ? undefined : (await readText(classes)).trimEnd().split(/\r?\n/);
  return readLabels(file, names, { labelColumn: column, classNames });
}

async function openSources(
  sources: readonly string[],
  inputs: readonly InputSpec[],
  options: DatasetOptions,
  hooks: DatasetHooks,
): Promise<SampleSource> {
  const { files, classes } = await expandArchives(await listFiles(sources));
  const { kind, files: chosen } = chooseKind(files, sources);
  const given = Object.keys(options) as (keyof DatasetOptions)[];
  const strange = given.find((key) => !kind.options.includes(key) && !COMMON_OPTIONS.includes(key));
  if (strange !== undefined) {
    throw new AeqError('USAGE', `${sources.join(', ')} has ${kind.name}, for which "${strange}" means nothing`, {
      hint: `what can be said of them: ${kind.options.join(', ')}`,
    });
  }
  const source = await kind.open(chosen, sources, inputs, options, hooks);
  return { ...source, labels: source.labels ?? archiveLabels(source.names, classes) };
}

function chooseKind(files: readonly DataFile[], sources: readonly string[]): { kind: DataKind; files: DataFile[] } {
  const where = sources.join(', ');
  if (files.length === 0) {
    throw new AeqError('DATASET_EMPTY', `there are no files in ${where || 'the data'}`, {
      hint: 'give a folder of pictures, .npy or .npz files, text, WAV, parquet or tar files, or a *.dataset.json',
    });
  }
  const found = KINDS.map((kind) => ({ kind, files: files.filter((file) => kind.extensions.has(file.extension)) }));
  const candidates = found.filter((candidate) => candidate.files.length > 0);
  const strong = candidates.filter(({ kind }) => !kind.yields);
  const [first, second] = strong.length > 0 ? strong : candidates;
  if (!first) {
    const extensions = [...new Set(files.map(({ extension, name }) => extension || name))].slice(0, 5).join(', ');
    throw new AeqError('DATASET_UNKNOWN_KIND', `nothing in ${where} can be read as samples: it has ${extensions}`, {
      hint: files.every(({ extension }) => extension === '.gz')
        ? 'unpack .gz files first: gunzip'
        : `these can: ${[...KINDS.flatMap(({ extensions: own }) => [...own]), ...ARCHIVE_EXTENSIONS].join(' ')}`,
    });
  }
  if (second) {
    const counts = [first, second].map(({ kind, files: own }) => `${own.length} ${kind.name}`).join(' and ');
    throw new AeqError('DATASET_UNKNOWN_KIND', `${where} has ${counts}: one kind at a time`, {
      hint: 'give the folder or the files of one kind',
    });
  }
  const left = files.find((file) => file.named && !first.files.includes(file));
  if (left) {
    throw new AeqError('DATASET_UNKNOWN_KIND', `${left.label} does not go with the ${first.kind.name}`, {
      where: { file: left.label },
      hint: 'give one kind at a time',
    });
  }
  return first;
}
