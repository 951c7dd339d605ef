import { StatementBatcher } from './statement-batcher';

/** The end of a turn of the event loop. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const refused = (): Error => Object.assign(new Error('canceling statement due to statement timeout'), { code: '57014' });

describe('StatementBatcher', () => {
  /** A read whose statements end when the test says so. */
  function controlled(options: { most?: number; atOnce?: number } = {}): {
    reads: StatementBatcher<number, string>;
    batches: number[][];
    end: (index: number, error?: Error) => Promise<void>;
  } {
    const batches: number[][] = [];
    const ends: ((error?: Error) => void)[] = [];
    const reads = new StatementBatcher<number, string>(
      (queries) =>
        new Promise((resolve, reject) => {
          batches.push([...queries]);
          ends.push((error) => (error ? reject(error) : resolve(queries.map((query) => (query < 0 ? null : `of ${query}`)))));
        }),
      options.most,
      options.atOnce,
    );
    const end = async (index: number, error?: Error): Promise<void> => {
      ends[index]?.(error);
      await turn();
    };
    return { reads, batches, end };
  }
  const wordsOf = (answer: Promise<string | null>): Promise<string | null> => answer.catch((error: unknown) => String(error));

  it('asks together for what is wanted in one turn, and waits for nothing that is under way', async () => {
    const { reads, batches, end } = controlled();
    const first = [1, 2, 3].map((query) => reads.get(query));
    await turn();
    const second = reads.get(4);
    await turn();
    expect(batches).toEqual([[1, 2, 3], [4]]);
    await end(1);
    expect(await second).toBe('of 4');
    await end(0);
    expect(await Promise.all(first)).toEqual(['of 1', 'of 2', 'of 3']);
  });

  it('splits what is too much for one statement', async () => {
    const { reads, batches } = controlled();
    for (let query = 0; query < 10; query++) void reads.get(query);
    await turn();
    expect(batches.map(({ length }) => length)).toEqual([4, 4, 2]);
    expect(batches.flat()).toEqual(Array.from({ length: 10 }, (_, query) => query));
  });

  it('lets what is asked wait and share the next statement while as many are under way as may be', async () => {
    const { reads, batches, end } = controlled({ most: 3, atOnce: 1 });
    const answers = [1, 2, 3, 4].map((query) => reads.get(query));
    await turn();
    answers.push(reads.get(5));
    await turn();
    expect(batches).toEqual([[1, 2, 3]]);
    await end(0);
    await turn();
    expect(batches).toEqual([
      [1, 2, 3],
      [4, 5],
    ]);
    answers.push(reads.get(6));
    await end(1, refused());
    await turn();
    expect(batches.slice(2)).toEqual([[4], [5]]);
    await end(2);
    await end(3);
    await turn();
    await turn();
    expect(batches.slice(4)).toEqual([[6]]);
    await end(4);
    expect(await Promise.all(answers)).toEqual([1, 2, 3, 4, 5, 6].map((query) => `of ${query}`));
  });

  it('gives null where there is nothing', async () => {
    const { reads, end } = controlled();
    const answer = reads.get(-1);
    await turn();
    await end(0);
    expect(await answer).toBeNull();
  });

  it('asks each one alone when the server gives up the statement of all, so that only the guilty one fails', async () => {
    const { reads, batches, end } = controlled();
    const answers = [1, 2, 3].map((query) => wordsOf(reads.get(query)));
    await turn();
    await end(0, refused());
    expect(batches).toEqual([[1, 2, 3], [1], [2], [3]]);
    await end(1);
    await end(2, refused());
    await end(3);
    expect(await Promise.all(answers)).toEqual(['of 1', 'Error: canceling statement due to statement timeout', 'of 3']);
    expect(batches).toHaveLength(4);
  });

  it('fails only the queries that used a lost connection', async () => {
    const { reads, batches, end } = controlled();
    const first = [1, 2].map((query) => wordsOf(reads.get(query)));
    await turn();
    const second = wordsOf(reads.get(3));
    await turn();
    await end(0, new Error('Connection terminated unexpectedly'));
    await end(1);
    expect(await Promise.all([...first, second])).toEqual([
      'Error: Connection terminated unexpectedly',
      'Error: Connection terminated unexpectedly',
      'of 3',
    ]);
    expect(batches).toEqual([[1, 2], [3]]);
  });
});
