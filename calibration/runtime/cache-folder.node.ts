import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where this user's caches are on this platform, with our own folder in it. */
export function cacheFolder(): string {
  const { XDG_CACHE_HOME, LOCALAPPDATA } = process.env;
  if (XDG_CACHE_HOME) return join(XDG_CACHE_HOME, 'aeq');
  if (process.platform === 'win32') return join(LOCALAPPDATA ?? join(homedir(), 'AppData', 'Local'), 'aeq', 'Cache');
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'aeq');
  return join(homedir(), '.cache', 'aeq');
}
