import { getMaxListeners } from 'node:events';
import type { ClaimedJob, JobHandler } from './job-kinds';
import type { JobQueue } from './job-queue';
import { JobWorker } from './job-worker';
import type { PubSub } from '../database/pub-sub';

const JOB: ClaimedJob = { id: '1', kind: 'maintenance', key: 'all', attempts: 0, wishes: '1', claim: 'claim' };

describe('the worker', () => {
  it('gives a job a signal on which calls to many engines may listen without a warning of a leak', async () => {
    const waiting = [JOB];
    const signals: AbortSignal[] = [];
    const handle: JobHandler['handle'] = (_job, signal) => {
      signals.push(signal);
      return Promise.resolve({ kind: 'done' });
    };
    const pubSub = { subscribe: () => () => undefined } as unknown as PubSub;
    let worker: JobWorker | undefined;
    await new Promise<void>((resolve) => {
      const finish = (): Promise<void> => Promise.resolve(resolve());
      const queue = { claim: () => Promise.resolve(waiting.splice(0)), finish } as unknown as JobQueue;
      worker = new JobWorker(queue, pubSub, { kind: 'maintenance', concurrency: 1, handle }, 'me');
      worker.start();
    });
    await worker?.stop();
    expect(signals.map((signal) => getMaxListeners(signal))).toEqual([Infinity]);
  });
});
