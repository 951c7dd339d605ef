import type { DataSource } from 'typeorm';
import { PubSub } from '../../src/database/pub-sub';
import { inTransaction } from '../../src/database/transaction';
import { DeploymentsRepository } from '../../src/deployments/deployments.repository';
import { MovesTogetherRepository, type DeploymentMoves } from '../../src/deployments/moves-together.repository';
import { Events } from '../../src/events/events';
import { JobQueue } from '../../src/jobs/job-queue';
import { openDataSource } from '../support/open-data-source';
import { aDeployment, aNode, aReplica, aUser } from '../support/rows';
import { createTestDatabase, type TestDatabase } from '../support/test-database';

/** Each guard without the others, which would hide that it is missing. */
describe('moves of several deployments that are recorded together', () => {
  let database: TestDatabase;
  let dataSource: DataSource;
  let pubSub: PubSub;
  let deployments: DeploymentsRepository;
  let jobs: JobQueue;
  let together: MovesTogetherRepository;
  let userId: string;
  beforeAll(async () => {
    database = await createTestDatabase();
    dataSource = await openDataSource(database.url, 5);
    pubSub = new PubSub(dataSource);
    deployments = new DeploymentsRepository(pubSub, new Events(pubSub));
    jobs = new JobQueue(dataSource, pubSub);
    together = new MovesTogetherRepository(dataSource, pubSub);
    userId = await aUser(dataSource);
  });
  afterAll(async () => {
    await pubSub?.onApplicationShutdown();
    await dataSource?.destroy();
    await database?.drop();
  });

  /** A scheduled deployment with a starting replica, and the plan to record both as running. */
  const aStart = async (): Promise<DeploymentMoves & { replicaId: string }> => {
    const id = await aDeployment(dataSource, { user_id: userId, status: 'scheduled' });
    const replicaId = await aReplica(dataSource, { deployment_id: id, node_id: await aNode(dataSource), status: 'starting' });
    await jobs.enqueueNow([{ kind: 'deployment.reconcile', key: id }]);
    const job = (await jobs.claim('deployment.reconcile', 100, 'first')).find(({ key }) => key === id)!;
    return {
      ...{ replicaId, job, deployment: { id, version: await versionOf(id), status: 'scheduled' } },
      moves: [{ replicaId, from: 'starting', to: 'running', reason: null }],
      change: { to: 'running', reason: 'All 1 replicas started successfully' },
    };
  };
  const versionOf = async (id: string): Promise<number> =>
    (await dataSource.query<{ version: number }[]>(`SELECT version FROM deployments WHERE id = $1`, [id]))[0]!.version;
  const seen = async ({ deployment, replicaId }: { deployment: { id: string }; replicaId: string }): Promise<unknown> =>
    (
      await dataSource.query<unknown[]>(
        `SELECT d.status, r.status AS replica,
                (SELECT array_agg(h.old_status || ' > ' || h.new_status ORDER BY h.id) FROM deployment_status_history AS h
                  WHERE h.deployment_id = d.id) AS history,
                (SELECT count(*)::int FROM events AS e WHERE e.deployment_id = d.id AND e.type = 'fog.deployment.running') AS told
           FROM deployments AS d JOIN deployment_replicas AS r ON r.id = $2 WHERE d.id = $1`,
        [deployment.id, replicaId],
      )
    )[0];
  const RUNS = { status: 'running', replica: 'running', history: ['none > scheduled', 'scheduled > running'], told: 1 };
  const UNTOUCHED = { status: 'scheduled', replica: 'starting', history: ['none > scheduled'], told: 0 };

  it('records replicas, status, version, history and event of each', async () => {
    const starts = [await aStart(), await aStart(), await aStart()];
    expect(await Promise.all(starts.map((start) => together.record(start)))).toEqual([true, true, true]);
    for (const start of starts) {
      expect(await seen(start)).toEqual(RUNS);
      expect(await versionOf(start.deployment.id)).toBe(start.deployment.version + 1);
    }
  });

  it('writes nothing of one that has changed, or whose job was taken over, and all of the others', async () => {
    const [changed, taken, good] = [await aStart(), await aStart(), await aStart()];
    await dataSource.query(`UPDATE deployments SET version = version + 1 WHERE id = $1`, [changed.deployment.id]);
    await dataSource.query(`UPDATE jobs SET claim = gen_random_uuid() WHERE id = $1`, [taken.job.id]);
    expect(await Promise.all([changed, taken, good].map((start) => together.record(start)))).toEqual([false, false, true]);
    expect(await Promise.all([changed, taken, good].map(seen))).toEqual([UNTOUCHED, UNTOUCHED, RUNS]);
  });

  it('does not wait for one that somebody else holds', async () => {
    const [held, good] = [await aStart(), await aStart()];
    await inTransaction(dataSource, async (tx) => {
      await deployments.lock(tx, held.deployment.id, { userId, isAdmin: false });
      expect(await Promise.all([held, good].map((start) => together.record(start)))).toEqual([false, true]);
    });
    expect(await Promise.all([held, good].map(seen))).toEqual([UNTOUCHED, RUNS]);
  });

  it('moves no replica that is in another state, and none of another deployment', async () => {
    const [one, other] = [await aStart(), await aStart()];
    await dataSource.query(`UPDATE deployment_replicas SET status = 'stopping' WHERE id = $1`, [one.replicaId]);
    expect(await together.record({ ...one, change: null, moves: [...one.moves, ...other.moves] })).toBe(true);
    expect(await seen(one)).toMatchObject({ status: 'scheduled', replica: 'stopping' });
    expect(await seen(other)).toEqual(UNTOUCHED);
  });

  it('refuses moves that nothing may make', async () => {
    const start = await aStart();
    const [move] = start.moves;
    await expect(together.record({ ...start, moves: [{ ...move!, from: 'stopped' }] })).rejects.toThrow('cannot move from stopped');
    const deleted = { ...start.deployment, status: 'deleted' as const };
    await expect(together.record({ ...start, deployment: deleted })).rejects.toThrow('cannot move from deleted to running');
    expect(await seen(start)).toEqual(UNTOUCHED);
  });

  it('never comes after a delete, whichever is first', async () => {
    const starts: Awaited<ReturnType<typeof aStart>>[] = [];
    while (starts.length < 12) starts.push(await aStart());
    const remove = ({ deployment: { id } }: DeploymentMoves): Promise<unknown> =>
      inTransaction(dataSource, async (tx) => {
        const locked = await deployments.lock(tx, id, { userId, isAdmin: false });
        await deployments.changeStatus(tx, locked!, { to: 'deleted', reason: 'gone', changedBy: userId, requestId: null });
      });
    await Promise.all(
      starts.flatMap((start, n) => (n % 2 ? [together.record(start), remove(start)] : [remove(start), together.record(start)])),
    );
    for (const start of starts) {
      const { status, history } = (await seen(start)) as { status: string; history: string[] };
      expect(status).toBe('deleted');
      expect([
        ['none > scheduled', 'scheduled > deleted'],
        ['none > scheduled', 'scheduled > running', 'running > deleted'],
      ]).toContainEqual(history);
    }
  });
});
