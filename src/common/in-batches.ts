const BATCH = 1_000;

/**
 * Removes rows in statements of bounded size. `batch` gets how many rows it may remove and returns how many it did. It
 * is called until it removes fewer than that, at most `maxBatches` times. Returns the sum.
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
