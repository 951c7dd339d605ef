import { Logger } from '@nestjs/common';
import type { JobKind } from './job-kinds';
import { JobPoll } from './job-poll';
import type { JobQueue } from './job-queue';
import type { JobWorker } from './job-worker';

const SECOND_MS = 1_000;

describe('the poll for due jobs', () => {
  const woken: JobKind[] = [];
  const worker = (kind: JobKind, mayHaveStrays = false): JobWorker =>
    ({ kind, mayHaveStrays, wake: () => void woken.push(kind) }) as unknown as JobWorker;
  let poll: JobPoll;
  const begin = (due: JobQueue['due']): void => {
    woken.length = 0;
    const workers = [worker('maintenance'), worker('node.sync'), worker('health.watch', true)];
    poll = new JobPoll({ due } as unknown as JobQueue, workers);
    poll.start();
  };
  beforeAll(() => {
    jest.useFakeTimers();
    Logger.overrideLogger(false);
  });
  afterEach(() => poll.stop());
  afterAll(() => {
    Logger.overrideLogger(true);
    jest.useRealTimers();
  });

  it('wakes the workers of the kinds that may be due, and those that may have taken jobs without knowing', async () => {
    begin((kinds) => Promise.resolve(kinds.filter((kind) => kind === 'node.sync')));
    await jest.advanceTimersByTimeAsync(SECOND_MS);
    expect(woken).toEqual(['node.sync', 'health.watch']);
    poll.stop();
    await jest.advanceTimersByTimeAsync(5 * SECOND_MS);
    expect(woken).toHaveLength(2);
  });

  it('asks again only when it has an answer', async () => {
    let answer: (due: JobKind[]) => void = () => undefined;
    let asked = 0;
    begin(() => new Promise((resolve) => (asked++, (answer = resolve))));
    await jest.advanceTimersByTimeAsync(3 * SECOND_MS);
    expect(asked).toBe(1);
    answer(['maintenance']);
    await jest.advanceTimersByTimeAsync(SECOND_MS);
    expect(asked).toBe(2);
    expect(woken).toContain('maintenance');
  });

  it('goes on after a question that failed', async () => {
    let asked = 0;
    begin(() => (++asked === 1 ? Promise.reject(new Error('The database is away')) : Promise.resolve(['maintenance'])));
    await jest.advanceTimersByTimeAsync(SECOND_MS);
    expect(woken).toEqual([]);
    await jest.advanceTimersByTimeAsync(SECOND_MS);
    expect(woken).toContain('maintenance');
  });
});
