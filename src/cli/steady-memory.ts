import { setFlagsFromString } from 'node:v8';

/** Versions of Node whose engine is known to have the flag: another one would say on stderr that it has not. */
const KNOWN: ReadonlySet<string> = new Set(['20', '22']);

/**
 * For a command that runs samples: short-lived objects keep the room that they have now. It would grow to 32 MB in the course
 * of a few hundred samples, each of which leaves about 100 KB behind, and never be given back.
 */
export function keepMemorySteady(): void {
  if (KNOWN.has(process.versions.node.split('.')[0] ?? '')) setFlagsFromString('--semi-space-growth-factor=1');
}
