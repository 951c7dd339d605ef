import type { DataSource } from 'typeorm';
import { inTransaction } from '../../src/database/transaction';
import type { ClaimedJob } from '../../src/jobs/job-kinds';
import { JobQueue } from '../../src/jobs/job-queue';
import { PubSub } from '../../src/database/pub-sub';
import { openDataSource } from '../support/open-data-source';
import { createTestDatabase, type TestDatabase } from '../support/test-database';
import { until } from '../support/until';

/** Queuing locks jobs in the order of their keys. A statement that locks them in the order of the table would deadlock with it. */
describe('statements on many jobs', () => {
  let database: TestDatabase;
  let dataSource: DataSource;
  let pubSub: PubSub;
  let queue: JobQueue;
  let jobs: ClaimedJob[];
  beforeAll(async () => {
    database = await createTestDatabase();
    dataSource = await openDataSource(database.url, 5);
    pubSub = new PubSub(dataSource);
    queue = new JobQueue(dataSource, pubSub);
  });
  afterAll(async () => {
    await pubSub?.onApplicationShutdown();
    await dataSource?.destroy();
    await database?.drop();
  });
  beforeEach(async () => {
    await dataSource.query('DELETE FROM jobs');
    // The last one by key is the first one in the table.
    for (const key of ['b', 'a']) await queue.enqueueNow([{ kind: 'node.sync', key }]);
    jobs = await queue.claim('node.sync', 10, 'me');
  });

  const isWaiting = async (): Promise<boolean> => {
    const waiting = await dataSource.query<unknown[]>(
      `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    );
    return waiting.length > 0;
  };

  it.each<[string, () => Promise<unknown>]>([
    ['a renewal of leases', () => queue.renew(jobs)],
    ['a hand-back', () => queue.handBack(jobs)],
    ['a release of strays', () => queue.releaseStrays('node.sync', 'me', [])],
  ])('%s waits for the first job without holding a later one', async (_name, work) => {
    let working: Promise<unknown> | undefined;
    await inTransaction(dataSource, async (tx) => {
      await tx.query(`SELECT 1 FROM jobs WHERE key = 'a' FOR UPDATE`);
      working = work();
      await until(isWaiting, { what: 'the statement to wait for the lock' });
      expect(await tx.query(`SELECT key FROM jobs ORDER BY key FOR UPDATE SKIP LOCKED`)).toEqual([{ key: 'a' }, { key: 'b' }]);
    });
    await working;
  });
});
