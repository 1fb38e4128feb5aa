import type { KeyValuePair } from '../generated/litertlm.ts';
import { sha256 } from '../hash.node.ts';
import { type Container, textItem } from './container.ts';

/** Key of the container's identity in its metadata. */
const UUID_KEY = 'uuid';

/**
 * The container under a new identity, for a copy whose content was changed: caches must not take it for the original,
 * and the same change must give the same file. The new UUID is made from the old one and `change`, a text that
 * determines what was done (such as the hash of the input and the recipe). The time of creation stays that of the source.
 */
export function renewIdentity(container: Container, change: string): Container {
  const uuid = derivedUuid(`${textItem(container.metadata, UUID_KEY) ?? ''}\n${change}`);
  const entry: KeyValuePair = { key: UUID_KEY, value: { table: 'StringValue', value: uuid } };
  const at = container.metadata.findIndex(({ key }) => key === UUID_KEY);
  const metadata = at < 0 ? [...container.metadata, entry] : container.metadata.with(at, entry);
  return { ...container, metadata };
}

/** UUID of version 8 (own scheme, RFC 9562 section 5.8): 122 bits of the SHA-256 of a text. */
export function derivedUuid(text: string): string {
  const bytes = sha256().update(text).digest().subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const digits = bytes.toString('hex');
  return [0, 8, 12, 16, 20].map((start, i, starts) => digits.slice(start, starts[i + 1])).join('-');
}
