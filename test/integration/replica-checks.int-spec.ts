import { randomUUID } from 'node:crypto';
import type { DataSource } from 'typeorm';
import { ChecksRepository, type Sighting } from '../../src/checks/checks.repository';
import { loadConfig } from '../../src/config/app-config';
import { PubSub } from '../../src/database/pub-sub';
import { JobQueue } from '../../src/jobs/job-queue';
import { NodeSyncRepository } from '../../src/reconciler/node-sync.repository';
import { openDataSource } from '../support/open-data-source';
import { aDeployment, aNode, aReplica, aUser } from '../support/rows';
import { createTestDatabase, type TestDatabase } from '../support/test-database';

const CHECK = {
  ...{ http: { port: 80, path: '/', expectStatus: { from: 200, to: 399 } } },
  ...{ intervalSeconds: 1, timeoutSeconds: 1, retries: 3, startPeriodSeconds: 0 },
};
const PROBE = { check: CHECK, published: { hostIp: '127.0.0.1', hostPort: 32_768 } };

describe('the records of health checks', () => {
  let database: TestDatabase;
  let dataSource: DataSource;
  let pubSub: PubSub;
  let checks: ChecksRepository;
  let jobs: JobQueue;
  let deploymentId: string;
  let nodeId: string;
  beforeAll(async () => {
    database = await createTestDatabase();
    dataSource = await openDataSource(database.url, 4);
    pubSub = new PubSub(dataSource);
    jobs = new JobQueue(dataSource, pubSub);
    checks = new ChecksRepository(dataSource, jobs, pubSub);
  });
  afterAll(async () => {
    await pubSub?.onApplicationShutdown();
    await dataSource?.destroy();
    await database?.drop();
  });
  beforeEach(async () => {
    await dataSource.query(`DELETE FROM jobs`);
    deploymentId = await aDeployment(dataSource, { user_id: await aUser(dataSource) });
    nodeId = await aNode(dataSource);
  });

  const replica = (status = 'starting'): Promise<string> => aReplica(dataSource, { deployment_id: deploymentId, node_id: nodeId, status });
  const seen = (replicaId: string, run = 'one', over: Partial<Sighting> = {}): Sighting => ({
    ...{ replicaId, run, probe: PROBE, healthy: null, reason: null },
    ...over,
  });
  const claim = async (): Promise<string> => (await jobs.claim('node.probe', 1, 'me'))[0]?.claim ?? '';
  const known = async (id: string): Promise<unknown> =>
    (await dataSource.query<unknown[]>(`SELECT run, healthy, reason FROM replica_checks WHERE replica_id = $1`, [id]))[0];
  const jobsOf = async (kind: string): Promise<string[]> =>
    (await dataSource.query<{ key: string }[]>(`SELECT key FROM jobs WHERE kind = $1`, [kind])).map(({ key }) => key);

  it('have every new run probed at once', async () => {
    const ids = [await replica(), await replica()];
    await checks.note(ids.map((id) => seen(id)));
    expect(await jobsOf('node.probe')).toEqual([nodeId]);
    const targets = await checks.targets([nodeId, randomUUID()]);
    expect(targets.map(({ replicaId }) => replicaId).sort()).toEqual([...ids].sort());
    expect(targets[0]).toMatchObject({ nodeId, run: 'one', probe: PROBE, address: null, endpoint: null, healthy: null, reason: null });
    expect(targets[0]?.seenMsAgo).toBeLessThan(60_000);
  });

  it('keep what was found out of a run that is seen again, and begin anew with another run', async () => {
    const id = await replica('running');
    await checks.note([seen(id)]);
    await checks.record([{ replicaId: id, run: 'one', healthy: true, reason: null, claim: await claim() }]);
    await checks.note([seen(id)]);
    expect(await known(id)).toEqual({ run: 'one', healthy: true, reason: null });
    await checks.note([seen(id, 'two')]);
    expect(await known(id)).toEqual({ run: 'two', healthy: null, reason: null });
  });

  it('wake a deployment when its health changes, and not when only the words do', async () => {
    const id = await replica();
    await checks.note([seen(id)]);
    const finding = { replicaId: id, run: 'one', healthy: null, reason: 'GET / answered 503', claim: await claim() };
    await checks.record([finding]);
    expect(await known(id)).toMatchObject({ healthy: null, reason: 'GET / answered 503' });
    expect(await jobsOf('deployment.reconcile')).toEqual([]);
    await checks.record([{ ...finding, healthy: true, reason: null }]);
    expect(await jobsOf('deployment.reconcile')).toEqual([deploymentId]);
  });

  it('tell the sync of a node for which replicas the engine may have passed its check without anybody hearing of it', async () => {
    const made: readonly (readonly [string, Partial<Sighting>])[] = [
      ['by its engine, not yet passed', { probe: null }],
      ['by its engine, failed', { probe: null, healthy: false, reason: 'exit 1' }],
      ['by its engine, passed', { probe: null, healthy: true }],
      ['by a prober, not yet passed', {}],
    ];
    const names = new Map<string, string>([[await replica('running'), 'without any']]);
    for (const [name, over] of made) {
      const id = await replica('running');
      await checks.note([seen(id, 'one', over)]);
      names.set(id, name);
    }
    const records = await new NodeSyncRepository(dataSource, loadConfig({})).replicas(nodeId, [...names.keys()]);
    expect(records).toHaveLength(names.size);
    expect(new Set(records.filter(({ awaitsCheck }) => awaitsCheck).map(({ id }) => names.get(id)))).toEqual(
      new Set(['by its engine, not yet passed', 'by its engine, failed']),
    );
  });

  it('take nothing from a prober that has lost its claim, of another run, or of a replica that has ended', async () => {
    const [stale, other, ended] = [await replica(), await replica(), await replica()];
    await checks.note([seen(stale), seen(other, 'two'), seen(ended)]);
    const mine = await claim();
    await dataSource.query(`UPDATE deployment_replicas SET status = 'failed' WHERE id = $1`, [ended]);
    const bad = { run: 'one', healthy: false, reason: 'GET / answered 503' };
    await checks.record([
      { ...bad, replicaId: stale, claim: randomUUID() },
      { ...bad, replicaId: other, claim: mine },
      { ...bad, replicaId: ended, claim: mine },
    ]);
    for (const id of [stale, other, ended]) expect(await known(id)).toMatchObject({ healthy: null, reason: null });
    expect(await jobsOf('deployment.reconcile')).toEqual([]);
  });

  it('are the same whatever two writers do at once', async () => {
    const ids = await Promise.all(Array.from({ length: 20 }, () => replica()));
    await checks.note(ids.map((id) => seen(id)));
    const mine = await claim();
    const found = ids.map((replicaId) => ({ replicaId, run: 'one', healthy: true, reason: null, claim: mine }));
    await Promise.all([
      checks.record(found),
      checks.note([...ids].reverse().map((id) => seen(id, 'two'))),
      checks.record([...found].reverse()),
    ]);
    for (const id of ids) expect(await known(id)).toEqual({ run: 'two', healthy: null, reason: null });
  });

  it('do not have replicas probed that are paused, have ended, or are checked by their engine', async () => {
    const [paused, gone, own] = [await replica('running'), await replica(), await replica('running')];
    await checks.note([seen(paused), seen(gone), seen(own, 'one', { probe: null, healthy: true })]);
    await dataSource.query(`UPDATE deployment_replicas SET paused_at = now() WHERE id = $1`, [paused]);
    await dataSource.query(`UPDATE deployment_replicas SET status = 'stopping' WHERE id = $1`, [gone]);
    expect(await checks.targets([nodeId])).toEqual([]);
  });

  it('follow what an engine says of its own checks', async () => {
    const id = await replica('running');
    await checks.note([seen(id, 'one', { probe: null, healthy: true })]);
    await checks.note([seen(id, 'one', { probe: null, healthy: false, reason: 'Health check fails' })]);
    expect(await known(id)).toEqual({ run: 'one', healthy: false, reason: 'Health check fails' });
    expect(await jobsOf('node.probe')).toEqual([]);
  });

  it('make good for a wish that was lost', async () => {
    await checks.note([seen(await replica())]);
    await dataSource.query(`DELETE FROM jobs`);
    await checks.enqueueLost();
    expect(await jobsOf('node.probe')).toContain(nodeId);
  });
});
