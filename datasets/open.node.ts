import { AeqError } from '../schema/errors.ts';
import { ARRAY_EXTENSIONS, openArrays } from './arrays/open.node.ts';
import { createFileDataset, type SampleSource } from './file-dataset.ts';
import { type DataFile, listFiles } from './files.node.ts';
import { IMAGE_EXTENSIONS, openImages } from './images/open.node.ts';
import type { DatasetOptions, FileDataset } from './options.ts';
import type { InputSpec } from './sample.ts';

/** A kind of data: which files are its, and how they become samples. */
interface DataKind {
  readonly name: string;
  readonly extensions: ReadonlySet<string>;
  open(
    files: readonly DataFile[],
    sources: readonly string[],
    inputs: readonly InputSpec[],
    options: DatasetOptions,
  ): Promise<SampleSource>;
}

const KINDS: readonly DataKind[] = [
  { name: 'pictures', extensions: IMAGE_EXTENSIONS, open: openImages },
  { name: 'arrays', extensions: ARRAY_EXTENSIONS, open: openArrays },
];

/** Everything `openDataset` needs, as JSON: a worker thread opens the same data set with it. */
export interface DatasetDescriptor {
  readonly sources: readonly string[];
  readonly inputs: readonly InputSpec[];
  readonly options: DatasetOptions;
}

/**
 * Opens a data set from files and folders, whose kind is found out from the names of the files: pictures or arrays. Other
 * files in a folder, such as a list of labels, are left alone. Nothing is decoded yet.
 * @param inputs what the model's signature takes; free dimensions are filled from the data
 * @throws AeqError FILE_NOT_FOUND; DATASET_EMPTY; DATASET_UNKNOWN_KIND; DATASET_MISMATCH when data and model do not fit;
 * USAGE for options that do not fit
 */
export async function openDataset(
  sources: readonly string[],
  inputs: readonly InputSpec[],
  options: DatasetOptions = {},
): Promise<FileDataset> {
  const files = await listFiles(sources);
  const { kind, files: chosen } = chooseKind(files, sources);
  const source = await kind.open(chosen, sources, inputs, options);
  return createFileDataset(source, options.allowBad);
}

function chooseKind(files: readonly DataFile[], sources: readonly string[]): { kind: DataKind; files: DataFile[] } {
  const where = sources.join(', ');
  if (files.length === 0) {
    throw new AeqError('DATASET_EMPTY', `there are no files in ${where || 'the data'}`, {
      hint: 'give a folder of pictures, or .npy or .npz files',
    });
  }
  const candidates = KINDS.map((kind) => ({
    kind,
    files: files.filter((file) => kind.extensions.has(file.extension)),
  }));
  const [first, second] = candidates.filter((candidate) => candidate.files.length > 0);
  if (!first) {
    const extensions = [...new Set(files.map(({ extension, name }) => extension || name))].slice(0, 5).join(', ');
    throw new AeqError('DATASET_UNKNOWN_KIND', `nothing in ${where} can be read as samples: it has ${extensions}`, {
      hint: `these can: ${KINDS.flatMap(({ extensions: own }) => [...own]).join(' ')}`,
    });
  }
  if (second) {
    const counts = [first, second].map(({ kind, files: own }) => `${own.length} ${kind.name}`).join(' and ');
    throw new AeqError('DATASET_UNKNOWN_KIND', `${where} has ${counts}: one kind at a time`, {
      hint: 'give the folder or the files of one kind',
    });
  }
  return first;
}
