const BATCH = 1_000;

/**
 * For removals in statements of bounded size: `batch` gets how many rows it may take and returns how many it took. Called until
 * it takes fewer, at most `maxBatches` times; the next call goes on. Returns the sum.
 */
export async function inBatches(batch: (limit: number) => Promise<number>, maxBatches = 100): Promise<number> {
  let sum = 0;
  for (let done = 0; done < maxBatches; done++) {
    const count = await batch(BATCH);
    sum += count;
    if (count < BATCH) break;
  }
  return sum;
}
