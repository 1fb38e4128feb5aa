import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from './shared.ts';

/** Tests run from the sources, which need the compiled kernels. */
export default function setup(): void {
  if (existsSync(join(projectRoot, 'kernels/generated/kernels.ts'))) return;
  execFileSync('npx', ['tsx', 'scripts/build-kernels.ts'], { cwd: projectRoot, stdio: 'inherit' });
}
