import type { Hash } from 'node:crypto';

/**
 * A SHA-256 hash of nothing yet. Node's cryptography is loaded with the first one: that takes two milliseconds, and most
 * commands hash nothing.
 */
export function sha256(): Hash {
  return process.getBuiltinModule('node:crypto').createHash('sha256');
}
