/** The same JSON value with the members of every object in the order of their names. */
export function sortedMembers(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortedMembers);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([name, member]) => [name, sortedMembers(member)]));
}

/** JSON text that is equal for equal values; `undefined` for a value JSON cannot say. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(sortedMembers(value)) ?? 'undefined';
}
