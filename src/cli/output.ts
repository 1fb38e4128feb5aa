import { readdirSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { AeqError } from '../../schema/errors.ts';
import { checkWritable } from '../../schema/write-file.node.ts';
import type { OptionValues } from './options.ts';

/** Options that name files which a command reads. */
const READ = ['calibration', 'recipe', 'policy', 'config', 'tokenizer', 'labels', 'data'] as const;

/**
 * Refuses early what writing the result would refuse, and a result in place of something that is read: a model is often
 * the only copy there is, and --force is for results of earlier runs.
 * @param read the files that are the command's arguments
 * @throws AeqError USAGE, FILE_EXISTS, FILE_UNWRITABLE.
 */
export function checkOutput(path: string, read: readonly string[], options: OptionValues): void {
  const own = place(path);
  const inputs = [...read, ...READ.flatMap((key) => options[key] ?? [])];
  const input = inputs.find((name) => name === path || place(name) === own || place(withoutKey(name)) === own);
  if (input !== undefined) {
    throw new AeqError('USAGE', `${path} is read by this command, and writing the result there would destroy it`, {
      hint: 'choose another name for the result',
    });
  }
  const sample = (options.data ?? []).find((source) => holds(withoutKey(source), own));
  if (sample !== undefined) {
    throw new AeqError(
      'USAGE',
      `${path} is one of the samples in ${sample}, and writing the result there would destroy it`,
      {
        hint: 'choose another name for the result',
      },
    );
  }
  checkWritable(path, { overwrite: options.force === true });
}

/** `<signature>=<source>` without the signature. */
const withoutKey = (source: string): string => source.slice(source.indexOf('=') + 1);

/** Where a path leads, links followed; for what is not there, where it would be. */
function place(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const folder = dirname(resolve(path));
    return folder === resolve(path) ? folder : join(place(folder), basename(path));
  }
}

/** Whether a file is one of those in a folder of samples. */
function holds(folder: string, file: string): boolean {
  try {
    return (
      statSync(folder).isDirectory() && dirname(file) === place(folder) && readdirSync(folder).includes(basename(file))
    );
  } catch {
    return false;
  }
}
