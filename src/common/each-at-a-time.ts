/**
 * Does `work` on each item, at most `limit` at a time, in the order of the items. Rejects with the first failure, after
 * which none is begun.
 */
export async function eachAtATime<T>(limit: number, items: Iterable<T>, work: (item: T) => Promise<void>): Promise<void> {
  // A generator, because the lane that fails closes it for the others.
  const rest = (function* () {
    yield* items;
  })();
  const lane = async (): Promise<void> => {
    for (const item of rest) await work(item);
  };
  await Promise.all(Array.from({ length: limit }, lane));
}
