import { bytesConstant } from '../../schema/constant.ts';
import { operatorBuiltin } from '../../schema/graph.ts';
import type { Model } from '../../schema/model.ts';
import { specOfBuiltin } from '../ops/index.ts';
import { neededVersion } from '../ops/versions.ts';

/** Name of the metadata entry with the oldest runtime that can run the model, and its size in bytes. */
const RUNTIME_ENTRY = 'min_runtime_version';
const RUNTIME_BYTES = 16;

/**
 * Raises operator versions, and the oldest runtime that a model names, to what its types need now, so that a runtime
 * that is too old says so. Nothing is lowered; a model that names no runtime gets no such entry.
 */
export function raiseVersions(model: Model): void {
  let oldest = '';
  for (const graph of model.subgraphs) {
    for (const operator of graph.operators) {
      const needed = neededVersion(model, graph, operator, specOfBuiltin(operatorBuiltin(model, operator)));
      const code = model.operatorCodes[operator.opcodeIndex];
      if (!needed || !code) continue;
      const [version, runtime] = needed;
      code.version = Math.max(code.version, version);
      if (isOlder(oldest, runtime)) oldest = runtime;
    }
  }
  raiseRuntime(model, oldest);
}

function raiseRuntime(model: Model, needed: string): void {
  const entry = model.metadata?.find(({ name }) => name === RUNTIME_ENTRY);
  const stored = entry && model.buffers[entry.buffer];
  if (!entry || !stored) return;
  const named = new TextDecoder().decode(stored.read()).replace(/\0.*$/s, '');
  if (!isOlder(named, needed)) return;
  const bytes = new Uint8Array(RUNTIME_BYTES);
  bytes.set(new TextEncoder().encode(needed));
  model.buffers.push(bytesConstant(bytes));
  entry.buffer = model.buffers.length - 1;
}

/** Compares dotted versions number by number. */
function isOlder(version: string, than: string): boolean {
  const [a, b] = [version, than].map((text) => text.split('.').map(Number));
  for (let i = 0; i < (b?.length ?? 0); i += 1) {
    const difference = (a?.[i] ?? -1) - (b?.[i] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}
