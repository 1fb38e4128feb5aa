import { execFileSync } from 'node:child_process';
import { projectRoot } from './shared.ts';

/** Tests of the command run what is built: builds it when it is missing or older than the sources. */
export default function setup(): void {
  if (process.env.AEQ_TEST_MAIN) return;
  execFileSync(process.execPath, ['--import', 'tsx', 'scripts/build.ts'], { cwd: projectRoot, stdio: 'inherit' });
}
