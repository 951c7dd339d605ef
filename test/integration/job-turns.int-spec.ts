import type { DataSource } from 'typeorm';
import { PubSub } from '../../src/database/pub-sub';
import type { JobKind, JobWishes } from '../../src/jobs/job-kinds';
import { JobQueue } from '../../src/jobs/job-queue';
import { inTransaction } from '../../src/database/transaction';
import { openDataSource } from '../support/open-data-source';
import { aDeployment, aUser } from '../support/rows';
import { createTestDatabase, type TestDatabase } from '../support/test-database';

const KIND = 'deployment.reconcile';

describe('the turns of owners in the queue', () => {
  let database: TestDatabase;
  let dataSource: DataSource;
  let pubSub: PubSub;
  let queue: JobQueue;
  /** Three deployments of each of three owners, by owner. */
  let deployments: Record<'ada' | 'bob' | 'eve', string[]>;
  beforeAll(async () => {
    database = await createTestDatabase();
    dataSource = await openDataSource(database.url, 5);
    pubSub = new PubSub(dataSource);
    const several = async (): Promise<string[]> => {
      const user = await aUser(dataSource);
      return Promise.all([1, 2, 3].map(() => aDeployment(dataSource, { user_id: user })));
    };
    deployments = { ada: await several(), bob: await several(), eve: await several() };
  });
  afterAll(async () => {
    await pubSub?.onApplicationShutdown();
    await dataSource?.destroy();
    await database?.drop();
  });
  beforeEach(async () => {
    await dataSource.query('DELETE FROM jobs');
    queue = new JobQueue(dataSource, pubSub);
  });

  const wish = (owner: keyof typeof deployments, afterMs = 0): Promise<void> =>
    queue.enqueueNow(deployments[owner].map((key) => ({ kind: KIND, key, afterMs })));
  const ownerOf = (key: string): string => Object.entries(deployments).find(([, keys]) => keys.includes(key))?.[0] ?? 'nobody';
  /** The owners of the jobs, in the order in which they are claimed one by one, until `rounds` are over or none is left. */
  const served = async (rounds = Infinity): Promise<string[]> => {
    const owners: string[] = [];
    while (owners.length < rounds) {
      const [job] = await queue.claim(KIND, 1, 'me');
      if (!job) break;
      await queue.finish(job, { kind: 'done' });
      owners.push(ownerOf(job.key));
    }
    return owners;
  };

  it('come one after the other, however many jobs one of them had before', async () => {
    await wish('ada');
    await wish('bob');
    expect(await served()).toEqual(['ada', 'bob', 'ada', 'bob', 'ada', 'bob']);
  });

  it('are the same for many jobs that are queued at once', async () => {
    const many = async (owner: keyof typeof deployments, keys: readonly string[]): Promise<void> => {
      const [row] = await dataSource.query<{ id: string }[]>(`SELECT user_id AS id FROM deployments WHERE id = $1`, [
        deployments[owner][0],
      ]);
      const wishes: JobWishes = { kind: KIND, ownerId: row!.id, keys };
      await inTransaction(dataSource, () => Promise.resolve(), { ending: (tx) => queue.enqueuingMany(tx, wishes) });
    };
    const turns = (): Promise<unknown[]> => dataSource.query(`SELECT key, owner, turn, due_at <= now() AS due FROM jobs ORDER BY key`);
    await wish('ada');
    await wish('bob');
    await queue.claim(KIND, 2, 'me');
    await wish('eve');
    const wanted = await turns();
    await dataSource.query(`DELETE FROM jobs WHERE key = ANY($1)`, [deployments.eve]);
    await many('eve', deployments.eve.toSorted());
    expect(await turns()).toEqual(wanted);
    await many('eve', deployments.eve);
    expect(await turns()).toEqual(wanted);
    await dataSource.query('DELETE FROM jobs');
    await many('ada', deployments.ada);
    await many('bob', deployments.bob);
    expect(await served()).toEqual(['ada', 'bob', 'ada', 'bob', 'ada', 'bob']);
  });

  it('give one who comes later no advantage over those who wait, nor a disadvantage', async () => {
    await wish('ada');
    await wish('bob');
    expect(await served(3)).toEqual(['ada', 'bob', 'ada']);
    await wish('eve');
    const rest = await served();
    expect(rest.slice(0, 3).toSorted()).toEqual(['ada', 'bob', 'eve']);
    expect(rest.toSorted()).toEqual(['ada', 'bob', 'bob', 'eve', 'eve', 'eve']);
  });

  it('come as soon as a job is due that was put off, in one statement for all of them', async () => {
    await wish('ada', 60_000);
    await wish('bob', 60_000);
    expect(await served()).toEqual([]);
    await dataSource.query(`UPDATE jobs SET due_at = now() - interval '1 s' WHERE key = ANY($1)`, [
      [...deployments.ada, ...deployments.bob],
    ]);
    expect((await served()).slice(0, 2).toSorted()).toEqual(['ada', 'bob']);
  });

  it('are given to wishes that come while a worker has the job, and to jobs of dead workers', async () => {
    await wish('ada');
    const jobs = await queue.claim(KIND, 3, 'dead');
    await wish('ada');
    expect(await queue.claim(KIND, 3, 'me')).toEqual([]);
    for (const job of jobs) await queue.finish(job, { kind: 'done' });
    expect(await queue.claim(KIND, 3, 'dead')).toHaveLength(3);
    await dataSource.query(`UPDATE jobs SET lease_until = now() - interval '1 s'`);
    expect(await served()).toEqual(['ada', 'ada', 'ada']);
  });

  it('are asked for the kinds of which a job is due and free', async () => {
    const due = (): Promise<JobKind[]> => queue.due([KIND, 'node.sync', 'maintenance']);
    await wish('ada', 60_000);
    await queue.enqueueNow([{ kind: 'node.sync', key: 'a node' }]);
    expect(await due()).toEqual(['node.sync']);
    expect(await queue.claim('node.sync', 10, 'dead')).toHaveLength(1);
    expect(await due()).toEqual([]);
    await dataSource.query(`UPDATE jobs SET lease_until = now() - interval '1 s' WHERE kind = 'node.sync'`);
    await dataSource.query(`UPDATE jobs SET due_at = now() WHERE kind = $1`, [KIND]);
    expect((await due()).toSorted()).toEqual([KIND, 'node.sync']);
  });

  it('are not needed for what has no owner, and keep no odd key from being claimed', async () => {
    await wish('ada');
    await queue.enqueueNow([
      { kind: KIND, key: 'no id at all' },
      { kind: KIND, key: '00000000-0000-4000-8000-000000000000' },
    ]);
    const owners = await served();
    expect(owners.toSorted()).toEqual(['ada', 'ada', 'ada', 'nobody', 'nobody']);
    expect(owners.indexOf('nobody')).toBeLessThan(2);
  });

  it('serve jobs that a program of before the turns has queued', async () => {
    await dataSource.query(`INSERT INTO jobs (kind, key) SELECT $1, unnest($2::text[])`, [KIND, [...deployments.ada, ...deployments.bob]]);
    expect((await served()).slice(0, 4).toSorted()).toEqual(['ada', 'ada', 'bob', 'bob']);
  });

  it('are read by the index, also when 20,000 jobs of one owner are due', async () => {
    await dataSource.query(
      `INSERT INTO jobs (kind, key, owner) SELECT $1, n::text, gen_random_uuid() FROM generate_series(1, 20000) AS n`,
      [KIND],
    );
    await dataSource.query('ANALYZE jobs');
    const plan = await dataSource.query<{ 'QUERY PLAN': string }[]>(
      `EXPLAIN SELECT id FROM jobs WHERE kind = '${KIND}' AND turn IS NOT NULL ORDER BY turn, due_at LIMIT 32 FOR UPDATE SKIP LOCKED`,
    );
    expect(plan.map((line) => line['QUERY PLAN']).join('\n')).toMatch(/Index Scan using ix_jobs_turn/);
    expect(plan.map((line) => line['QUERY PLAN']).join('\n')).not.toMatch(/Sort/);
  });

  it('bring forward what is due later than it can be, as after a step back of the clock', async () => {
    await wish('ada', 3_600_000);
    expect(await queue.bringForward(KIND, 7_200_000)).toBe(0);
    expect(await queue.bringForward(KIND, 120_000)).toBe(3);
    expect(await served()).toEqual(['ada', 'ada', 'ada']);
  });
});
