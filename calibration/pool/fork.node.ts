import { type ChildProcess, fork } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** Short-lived objects get 2 MB twice: else they take up to 16 MB twice in the course of some hundred samples. */
const YOUNG_SPACE = ['--max-semi-space-size=2'];

/**
 * Runs a module of this program in a process of its own, with messages of structured clones and stderr in a pipe. Works
 * from the build and, through tsx, from the TypeScript sources.
 * @param from the caller's `import.meta.url`
 * @param entry file name beside it, without extension
 */
export function forkModule(from: string, entry: string): ChildProcess {
  const sources = from.endsWith('.ts');
  const loader = () => pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
  return fork(fileURLToPath(new URL(`./${entry}${sources ? '.ts' : '.js'}`, from)), {
    serialization: 'advanced',
    execArgv: [...YOUNG_SPACE, ...(sources ? ['--import', loader()] : [])],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
}
