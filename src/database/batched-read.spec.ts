import { BatchedRead } from './batched-read';

describe('BatchedRead', () => {
  /** A read whose statements end when the test says so. */
  function controlled(): { reads: BatchedRead<number, string>; batches: number[][]; end: (index: number, error?: Error) => Promise<void> } {
    const batches: number[][] = [];
    const ends: ((error?: Error) => void)[] = [];
    const reads = new BatchedRead<number, string>(
      (queries) =>
        new Promise((resolve, reject) => {
          batches.push([...queries]);
          ends.push((error) => (error ? reject(error) : resolve(queries.map((query) => (query < 0 ? null : `of ${query}`)))));
        }),
    );
    const end = async (index: number, error?: Error): Promise<void> => {
      ends[index]?.(error);
      await new Promise(setImmediate);
    };
    return { reads, batches, end };
  }

  it('asks at once for the first two, and collects what comes while they are under way', async () => {
    const { reads, batches, end } = controlled();
    const answers = [1, 2, 3, 4, 5].map((query) => reads.get(query));
    expect(batches).toEqual([[1], [2]]);
    await end(0);
    expect(batches).toEqual([[1], [2], [3, 4, 5]]);
    await end(1);
    await end(2);
    expect(await Promise.all(answers)).toEqual(['of 1', 'of 2', 'of 3', 'of 4', 'of 5']);
  });

  it('gives null where there is nothing', async () => {
    const { reads, end } = controlled();
    const answer = reads.get(-1);
    await end(0);
    expect(await answer).toBeNull();
  });

  it('gives an error to those who asked together and to nobody else', async () => {
    const { reads, end } = controlled();
    const [first, second, third] = [1, 2, 3].map((query) => reads.get(query).catch((error: unknown) => String(error)));
    await end(0, new Error('connection lost'));
    await end(1);
    await end(2);
    expect(await Promise.all([first, second, third])).toEqual(['Error: connection lost', 'of 2', 'of 3']);
  });
});
