/** The whole build: kernels, TypeScript to dist/, and the files that are read at run time. */
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { buildKernels } from './build-kernels.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const compiler = createRequire(import.meta.url).resolve('typescript/bin/tsc');

await buildKernels();
execFileSync(process.execPath, [compiler, '-p', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' });
if (existsSync(`${root}recipes`)) {
  cpSync(`${root}recipes`, `${root}dist/recipes`, { recursive: true, filter: (name) => !name.endsWith('.md') });
}
chmodSync(`${root}dist/src/cli/main.js`, 0o755);
