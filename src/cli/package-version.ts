import { readFileSync } from 'node:fs';

/** Version of the package, from its package.json. */
export function packageVersion(): string {
  for (const up of ['../../package.json', '../../../package.json']) {
    try {
      const { name, version } = JSON.parse(readFileSync(new URL(up, import.meta.url), 'utf8'));
      if (name === 'aeq') return version;
    } catch {
      // The sources and the build lie at different depths below the package.
    }
  }
  return 'unknown';
}
