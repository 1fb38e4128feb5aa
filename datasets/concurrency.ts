/** Files that are open at the same time: systems allow a few hundred to a process. */
const MOST_AT_ONCE = 16;

/** Promise.all over a list, a few at a time; results in the order of the list. */
export async function mapLimited<T, R>(items: readonly T[], run: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = new Array(items.length);
  const entries = items.entries();
  const worker = async () => {
    for (const [index, item] of entries) results[index] = await run(item);
  };
  await Promise.all(Array.from({ length: Math.min(MOST_AT_ONCE, items.length) }, worker));
  return results;
}
