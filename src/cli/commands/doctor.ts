import { arch, cpus, platform } from 'node:os';
import { openRuntime } from '../../../calibration/runtime/open.node.ts';
import { AeqError } from '../../../schema/errors.ts';
import type { CommandRun } from '../context.ts';
import { packageVersion } from '../package-version.ts';
import { formatTable } from '../style.ts';

const RUNTIMES = ['wasm', 'native', 'tfjs-tflite'] as const;

/** `aeq doctor` */
export const run: CommandRun = async (_args, { print, result, style }) => {
  const found = [];
  for (const id of RUNTIMES) found.push(await look(id));
  const machine = { node: process.version, platform: `${platform()} ${arch()}`, cores: cpus().length };
  result({ aeq: packageVersion(), ...machine, runtimes: found });
  print(`${style.bold(`aeq ${packageVersion()}`)}  Node ${machine.node}, ${machine.platform}, ${machine.cores} cores`);
  const rows = found.map(({ id, available, version, reason }) => [
    id,
    available ? style.green('available') : style.yellow('not here'),
    version ?? reason ?? '',
  ]);
  print(formatTable(rows));
  return 0;
};

async function look(id: (typeof RUNTIMES)[number]) {
  const library = process.env.AEQ_LITERT_LIBRARY;
  try {
    const runtime = await openRuntime(id, library ? { library } : {});
    const { version } = runtime;
    runtime.close();
    return { id, available: true, version };
  } catch (error) {
    if (error instanceof AeqError) return { id, available: false, reason: error.message, hint: error.hint };
    throw error;
  }
}
