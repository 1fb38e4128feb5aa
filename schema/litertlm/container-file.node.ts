import { extname } from 'node:path';
import { openFileSource } from '../file-source.node.ts';
import { isContainer } from './magic.ts';

/** Whether a file is to be read as a container: it starts like one, or is called one. False where it cannot be read. */
export function isContainerFile(path: string): boolean {
  if (extname(path) === '.litertlm') return true;
  try {
    const source = openFileSource(path);
    try {
      return isContainer(source);
    } finally {
      source.close();
    }
  } catch {
    return false;
  }
}
