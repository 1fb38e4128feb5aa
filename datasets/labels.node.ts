import { readText } from './files.node.ts';
import { type Labels, type LabelsOptions, parseLabels } from './labels.ts';

/** Reads a file of labels: see `parseLabels`. @throws AeqError FILE_NOT_FOUND, FILE_UNREADABLE, LABELS_INVALID */
export async function readLabels(file: string, names: readonly string[], options: LabelsOptions = {}): Promise<Labels> {
  return parseLabels(await readText(file), names, file, options);
}
