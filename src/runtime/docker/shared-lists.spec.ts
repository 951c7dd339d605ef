import type Docker from 'dockerode';
import type { ContainerInfo } from 'dockerode';
import { SharedLists } from './shared-lists';

/** An engine whose lists end when the test says so. */
class SlowEngine {
  readonly lists: {
    readonly labels: readonly string[];
    readonly end: (ids: readonly string[]) => void;
    readonly fail: (error: Error) => void;
    readonly isCalledOff: () => boolean;
  }[] = [];
  readonly client = {
    listContainers: ({ filters, abortSignal }: { filters: { label: string[] }; abortSignal: AbortSignal }) =>
      new Promise<ContainerInfo[]>((resolve, reject) => {
        abortSignal.addEventListener('abort', () => reject(new Error('called off')));
        const end = (ids: readonly string[]): void => resolve(ids.map((Id) => ({ Id }) as ContainerInfo));
        this.lists.push({ labels: filters.label, end, fail: reject, isCalledOff: () => abortSignal.aborted });
      }),
  } as unknown as Docker;
  readonly asked = (): string[] => this.lists.map(({ labels }) => labels.join());
}

describe('SharedLists', () => {
  const lists = new SharedLists(['ours']);
  const { signal } = new AbortController();
  const ask = ({ client }: SlowEngine, ...labels: string[]): Promise<unknown> => lists.ask(client, { labels, signal });

  it('lets a few lists run at once, and the callers after them share one list of everything that has begun later', async () => {
    const engine = new SlowEngine();
    const answers = ['a', 'b', 'c', 'd', 'e'].map((label) => ask(engine, 'ours', label));
    expect(engine.asked()).toEqual(['ours,a', 'ours,b']);
    engine.lists[0]!.end(['a1']);
    expect(await answers[0]).toEqual([{ Id: 'a1' }]);
    await Promise.resolve();
    expect(engine.asked()).toEqual(['ours,a', 'ours,b', 'ours']);
    engine.lists[2]!.end(['c1', 'd1']);
    expect(await Promise.all(answers.slice(2))).toEqual(Array(3).fill([{ Id: 'c1' }, { Id: 'd1' }]));
    engine.lists[1]!.end([]);
    expect(await answers[1]).toEqual([]);
  });

  it('gives one who waits alone the list that was asked for', async () => {
    const engine = new SlowEngine();
    const answers = ['a', 'b', 'c'].map((label) => ask(engine, label));
    engine.lists[0]!.end([]);
    await answers[0];
    engine.lists[1]!.end([]);
    await answers[1];
    expect(engine.asked()).toEqual(['a', 'b', 'c']);
    engine.lists[2]!.end([]);
    await answers[2];
  });

  it('gives all who share a list its failure, and goes on after it', async () => {
    const engine = new SlowEngine();
    const answers = ['a', 'b', 'c', 'd'].map((label) => ask(engine, label));
    const outcomes = Promise.allSettled(answers);
    for (const index of [0, 1]) engine.lists[index]!.fail(new Error('away'));
    await Promise.allSettled(answers.slice(0, 2));
    await Promise.resolve();
    engine.lists[2]!.fail(new Error('still away'));
    expect((await outcomes).map(({ status }) => status)).toEqual(Array(4).fill('rejected'));
    const later = ask(engine, 'a');
    engine.lists.at(-1)!.end([]);
    expect(await later).toEqual([]);
  });

  it('takes a list back when all who share it have left, and not before', async () => {
    const engine = new SlowEngine();
    const callers = Array.from({ length: 5 }, () => new AbortController());
    const answers = callers.map((caller) => lists.ask(engine.client, { labels: ['a'], signal: caller.signal }));
    const outcomes = Promise.allSettled(answers.slice(0, 4));
    callers[4]!.abort(); // never had its turn
    for (const index of [0, 1]) engine.lists[index]!.end([]);
    await Promise.all(answers.slice(0, 2));
    await Promise.resolve();
    expect(engine.lists).toHaveLength(3);
    callers[2]!.abort();
    expect(engine.lists[2]!.isCalledOff()).toBe(false);
    callers[3]!.abort();
    expect((await outcomes).map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'rejected']);
  });
});
