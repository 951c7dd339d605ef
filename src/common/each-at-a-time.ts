/** Does `work` on each item in order, at most `limit` at a time. Rejects with the first failure; no item is begun after it. */
export async function eachAtATime<T>(limit: number, items: Iterable<T>, work: (item: T) => Promise<void>): Promise<void> {
  // A generator, because the lane that fails ends it for the other lanes as well.
  const rest = (function* () {
    yield* items;
  })();
  const lane = async (): Promise<void> => {
    for (const item of rest) await work(item);
  };
  await Promise.all(Array.from({ length: limit }, lane));
}
