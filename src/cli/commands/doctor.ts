import { arch, availableParallelism, platform } from 'node:os';
import { describeRuntimes, type RuntimeDescription } from '../../../calibration/runtime/describe.node.ts';
import { columns } from '../../report/format.ts';
import type { CommandRun } from '../context.ts';
import { packageVersion } from '../package-version.ts';
import { formatDuration, type Style } from '../style.ts';

/** `aeq doctor` */
export const run: CommandRun = async (_args, { options: { library }, print, result, style }) => {
  const runtimes = await describeRuntimes(library ? { library } : {});
  const machine = { node: process.version, platform: `${platform()} ${arch()}`, cores: availableParallelism() };
  result({ aeq: packageVersion(), ...machine, runtimes });
  print(`${style.bold(`aeq ${packageVersion()}`)}  Node ${machine.node}, ${machine.platform}, ${machine.cores} cores`);
  const titles = ['interpreter', '', 'version', 'start', 'one convolution'].map(style.dim);
  print(columns([titles, ...runtimes.map((runtime) => row(runtime, style))], new Set([3, 4])).join('\n'));
  for (const runtime of runtimes) {
    if (!runtime.available) print(`\n${runtime.id}: ${runtime.reason}${runtime.hint ? `\n  ${runtime.hint}` : ''}`);
  }
  return 0;
};

function row(runtime: RuntimeDescription, style: Style): string[] {
  if (!runtime.available) return [runtime.id, style.yellow('not here')];
  const { id, version, startMs, runMs } = runtime;
  return [id, style.green('available'), version, formatDuration(startMs), `${runMs.toFixed(1)} ms`];
}
