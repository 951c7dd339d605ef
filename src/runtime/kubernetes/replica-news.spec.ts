import type { V1Pod } from '@kubernetes/client-node';
import { ReplicaNews } from './replica-news';

const pod = (name: string): V1Pod => ({ metadata: { name } });

describe('news of replicas', () => {
  const never = new AbortController().signal;

  it('wakes those who wait for this replica, and nobody misses what came before the wait', async () => {
    const news = new ReplicaNews();
    news.isTold = true;
    await news.during('a', async (wait) => {
      news.note('a', pod('one'));
      await expect(wait.next(60_000, never)).resolves.toEqual(pod('one'));
      const [next] = [wait.next(60_000, never), news.note('b', pod('other')), news.note('a', pod('two'))];
      await expect(next).resolves.toEqual(pod('two'));
    });
  });

  it('tells the newest of several changes, and that something has gone whatever is told after that', async () => {
    const news = new ReplicaNews();
    await news.during('a', async (wait) => {
      news.note('a', pod('one'));
      news.note('a', pod('two'));
      await expect(wait.next(60_000, never)).resolves.toEqual(pod('two'));
      news.note('a', null);
      news.note('a', pod('three'));
      await expect(wait.next(60_000, never)).resolves.toBeNull();
    });
  });

  it('counts whatever may change what a list shows: a change, and that changes are told again or no more', () => {
    const news = new ReplicaNews();
    const counts = [news.changes];
    for (const happens of [() => (news.isTold = true), () => news.noteChange(), () => (news.isTold = false)]) {
      happens();
      counts.push(news.changes);
    }
    expect(new Set(counts).size).toBe(counts.length);
  });

  it('is no worse than polling while nothing is told', async () => {
    await expect(new ReplicaNews().during('a', (wait) => wait.next(1, never))).resolves.toBeNull();
  });

  it('ends a wait that is called off', async () => {
    const abort = new AbortController();
    const waiting = new ReplicaNews().during('a', (wait) => wait.next(60_000, abort.signal));
    abort.abort();
    await expect(waiting).rejects.toMatchObject({ failure: 'aborted' });
  });
});
