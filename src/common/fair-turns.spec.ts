import { FairTurns } from './fair-turns';

const never = new AbortController().signal;

/** Work that runs until it is ended by hand, and the order in which it began. */
function bench(turns: FairTurns) {
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  const add = (owner: string, name: string, signal = never): Promise<string> =>
    turns.run(owner, signal, () => {
      begun.push(name);
      return new Promise((resolve) => ends.set(name, () => resolve(name)));
    });
  const end = async (name: string): Promise<void> => {
    ends.get(name)?.();
    await new Promise(setImmediate);
  };
  return { begun, add, end };
}

describe('turns between owners', () => {
  it('let the first of another owner go before the rest of one who came first', async () => {
    const turns = new FairTurns({ total: 2, perOwner: 2 });
    const { begun, add, end } = bench(turns);
    const all = ['a1', 'a2', 'a3', 'a4'].map((name) => add('a', name));
    all.push(add('b', 'b1'));
    await end('');
    expect(begun).toEqual(['a1', 'a2']);
    await end('a1');
    await end('a2');
    expect(begun).toEqual(['a1', 'a2', 'a3', 'b1']);
    for (const name of ['a3', 'b1', 'a4']) await end(name);
    expect(await Promise.all(all)).toEqual(['a1', 'a2', 'a3', 'a4', 'b1']);
    expect(turns.idle).toBe(true);
  });

  it('keep places free that one owner may not take', async () => {
    const { begun, add, end } = bench(new FairTurns({ total: 3, perOwner: 2 }));
    const all = ['a1', 'a2', 'a3'].map((name) => add('a', name));
    await end('');
    all.push(add('b', 'b1'));
    await end('');
    expect(begun).toEqual(['a1', 'a2', 'b1']);
    for (const name of ['a1', 'a2', 'b1', 'a3']) await end(name);
    await Promise.all(all);
  });

  it('pass over who has left, and go on after a failure', async () => {
    const turns = new FairTurns({ total: 1, perOwner: 1 });
    const { begun, add, end } = bench(turns);
    const stop = new AbortController();
    const failing = turns.run('a', never, () => Promise.reject(new Error('broken')));
    const leaving = add('a', 'gone', stop.signal);
    const staying = add('a', 'stays');
    stop.abort(new Error('left'));
    await expect(leaving).rejects.toThrow('left');
    await expect(failing).rejects.toThrow('broken');
    await expect(add('a', 'late', stop.signal)).rejects.toThrow('left');
    await end('');
    await end('stays');
    expect(await staying).toBe('stays');
    expect(begun).toEqual(['stays']);
    expect(turns.idle).toBe(true);
  });
});
