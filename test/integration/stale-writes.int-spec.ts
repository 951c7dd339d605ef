import type { DataSource } from 'typeorm';
import { loadConfig } from '../../src/config/app-config';
import { inTransaction, type Tx } from '../../src/database/transaction';
import { DeploymentsRepository, type LockedDeployment, type StatusChange } from '../../src/deployments/deployments.repository';
import { ReplicasRepository } from '../../src/deployments/replicas.repository';
import type { ClaimedJob } from '../../src/jobs/job-kinds';
import { Events } from '../../src/events/events';
import { JobQueue } from '../../src/jobs/job-queue';
import { PubSub } from '../../src/database/pub-sub';
import { openDataSource } from '../support/open-data-source';
import { aDeployment, aNode, aReplica, aUser } from '../support/rows';
import { createTestDatabase, type TestDatabase } from '../support/test-database';

/** Tests each guard without the others, which would hide that it is missing. */
describe('a write that comes too late', () => {
  let database: TestDatabase;
  let dataSource: DataSource;
  let pubSub: PubSub;
  let deployments: DeploymentsRepository;
  let jobs: JobQueue;
  let userId: string;
  beforeAll(async () => {
    database = await createTestDatabase();
    dataSource = await openDataSource(database.url, 5);
    pubSub = new PubSub(dataSource);
    deployments = new DeploymentsRepository(pubSub, new Events(pubSub));
    jobs = new JobQueue(dataSource, pubSub);
    userId = await aUser(dataSource);
  });
  afterAll(async () => {
    await pubSub?.onApplicationShutdown();
    await dataSource?.destroy();
    await database?.drop();
  });

  const inTx = <T>(work: (tx: Tx) => Promise<T>): Promise<T> => inTransaction(dataSource, work);
  const locked = (id: string): Promise<LockedDeployment> =>
    inTx(async (tx) => (await deployments.lock(tx, id, { userId, isAdmin: false }))!);
  const change = (deployment: LockedDeployment, to: StatusChange['to']): Promise<unknown> =>
    inTx((tx) => deployments.changeStatus(tx, deployment, { to, reason: 'for a test', changedBy: null, requestId: null }));
  const row = async (id: string): Promise<unknown> =>
    (await dataSource.query<unknown[]>(`SELECT * FROM deployments WHERE id = $1`, [id]))[0];
  const queued = async (): Promise<[string, ClaimedJob]> => {
    const key = await aDeployment(dataSource, { user_id: userId });
    await jobs.enqueueNow([{ kind: 'deployment.reconcile', key }]);
    const claimed = await jobs.claim('deployment.reconcile', 10, 'first');
    return [key, claimed.find((job) => job.key === key)!];
  };
  const jobOf = async (key: string): Promise<{ claimed_by: string | null } | undefined> =>
    (await dataSource.query<{ claimed_by: string | null }[]>(`SELECT claimed_by FROM jobs WHERE key = $1`, [key]))[0];
  const expire = (key: string): Promise<unknown> =>
    dataSource.query(`UPDATE jobs SET lease_until = now() - interval '1 s', due_at = now() - interval '1 s' WHERE key = $1`, [key]);

  it('does not change the status of a deployment that has moved on since it was read', async () => {
    const id = await aDeployment(dataSource, { user_id: userId });
    const stale = await locked(id);
    await change(stale, 'stopped');
    await change(await locked(id), 'pending');
    const before = await row(id);
    await expect(change(stale, 'running')).rejects.toThrow('cannot move from running to running');
    expect(await row(id)).toEqual(before);
  });

  it('does not bring a deleted deployment back, not even past the repository', async () => {
    const id = await aDeployment(dataSource, { user_id: userId });
    await change(await locked(id), 'deleted');
    const before = await row(id);
    for (const set of [`status = 'running', deleted_at = NULL`, `deleted_at = now()`])
      await expect(dataSource.query(`UPDATE deployments SET ${set} WHERE id = $1`, [id])).rejects.toMatchObject({ code: '23514' });
    expect(await row(id)).toEqual(before);
  });

  it('does not move a replica that is not in the state that was read, and none out of a final one', async () => {
    const deployment_id = await aDeployment(dataSource, { user_id: userId });
    const id = await aReplica(dataSource, { deployment_id, node_id: await aNode(dataSource), status: 'stopping' });
    const moves = [{ replicaId: id, from: 'running', to: 'failed', reason: 'late' }] as const;
    expect(await inTx((tx) => new ReplicasRepository(loadConfig({})).move(tx, moves))).toEqual([]);
    await dataSource.query(`UPDATE deployment_replicas SET status = 'stopped', stopped_at = now() WHERE id = $1`, [id]);
    await expect(dataSource.query(`UPDATE deployment_replicas SET status = 'running' WHERE id = $1`, [id])).rejects.toMatchObject({
      code: '23514',
    });
  });

  it('does not rewrite history, not even as the owner of the tables', async () => {
    const id = await aDeployment(dataSource, { user_id: userId });
    for (const sql of [
      `UPDATE deployment_status_history SET reason = 'another' WHERE deployment_id = '${id}'`,
      `DELETE FROM deployment_status_history WHERE deployment_id = '${id}'`,
      `TRUNCATE deployment_status_history`,
    ])
      await expect(dataSource.query(sql)).rejects.toMatchObject({ code: '23514' });
  });

  it('finds no lock for a plan that was made of an older version, or whose job was taken over', async () => {
    const [id, job] = await queued();
    const { version } = await locked(id);
    const lockedFor = (at: number, claimed: ClaimedJob): Promise<LockedDeployment | null> =>
      inTx((tx) => deployments.lockAtVersion(tx, id, at, claimed));
    expect(await lockedFor(version, job)).toMatchObject({ id });
    expect(await lockedFor(version - 1, job)).toBeNull();
    await expire(id);
    expect((await jobs.claim('deployment.reconcile', 10, 'second')).map(({ key }) => key)).toContain(id);
    expect(await lockedFor(version, job)).toBeNull();
  });

  it('gives a claimed job to nobody else while its lease runs, and ignores the result of a lost claim', async () => {
    const [key, job] = await queued();
    expect((await jobs.claim('deployment.reconcile', 10, 'second')).map((other) => other.key)).not.toContain(key);
    await expire(key);
    await jobs.claim('deployment.reconcile', 10, 'second');
    for (const result of [{ kind: 'done' }, { kind: 'again', afterMs: 0 }, { kind: 'failed', words: 'late' }] as const)
      await jobs.finish(job, result);
    expect(await jobOf(key)).toEqual({ claimed_by: 'second' });
    expect(await jobs.renew([job])).toEqual([]);
  });

  it('keeps a job for the wish that came while it was worked on', async () => {
    const [key, job] = await queued();
    await jobs.enqueueNow([{ kind: 'deployment.reconcile', key }]);
    await jobs.finish(job, { kind: 'done' });
    expect(await jobOf(key)).toEqual({ claimed_by: null });
    const [again] = (await jobs.claim('deployment.reconcile', 10, 'first')).filter((other) => other.key === key);
    await jobs.finish(again!, { kind: 'done' });
    expect(await jobOf(key)).toBeUndefined();
  });
});
