import type { DataSource } from 'typeorm';
import { loadConfig } from '../../src/config/app-config';
import { inTransaction } from '../../src/database/transaction';
import { KeptLogsRepository, MOST_KEPT_LOGS } from '../../src/deployments/kept-logs.repository';
import { ReplicasRepository } from '../../src/deployments/replicas.repository';
import { nextAttempt } from '../../src/reconciler/restart-policy';
import { openDataSource } from '../support/open-data-source';
import { aDeployment, aNode, aReplica, aUser } from '../support/rows';
import { createTestDatabase, type TestDatabase } from '../support/test-database';

const MINUTE = 60_000;

interface Row {
  readonly started_at: Date;
  readonly stopped_at: Date | null;
  readonly running_at: Date | null;
  readonly changed_at: Date;
  readonly paused_at: Date | null;
  readonly attempt: number;
}

describe('the record of a replica', () => {
  let database: TestDatabase;
  let dataSource: DataSource;
  let replicas: ReplicasRepository;
  let deploymentId: string;
  let nodeId: string;
  beforeAll(async () => {
    database = await createTestDatabase();
    dataSource = await openDataSource(database.url, 2);
    replicas = new ReplicasRepository(loadConfig({}));
    deploymentId = await aDeployment(dataSource, { user_id: await aUser(dataSource) });
    nodeId = await aNode(dataSource);
  });
  afterAll(async () => {
    await dataSource?.destroy();
    await database?.drop();
  });

  const now = async (): Promise<number> =>
    (await dataSource.query<{ now: Date }[]>(`SELECT clock_timestamp() AS now`))[0]?.now.getTime() ?? Number.NaN;
  const starting = (secondsAgo = 2): Promise<string> =>
    aReplica(dataSource, {
      ...{ deployment_id: deploymentId, node_id: nodeId, status: 'starting', changed_at: new Date(Date.now() - secondsAgo * 1000) },
    });
  const row = async (id: string): Promise<Row> =>
    (await dataSource.query<Row[]>(`SELECT * FROM deployment_replicas WHERE id = $1`, [id]))[0]!;
  const runs = (replicaId: string, startedAt: Date): Promise<unknown> =>
    inTransaction(dataSource, (tx) => replicas.move(tx, [{ replicaId, from: 'starting', to: 'running', reason: null, startedAt }]));
  const fails = (replicaId: string): Promise<unknown> =>
    inTransaction(dataSource, (tx) => replicas.move(tx, [{ replicaId, from: 'running', to: 'failed', reason: 'Exited with code 1' }]));
  const shows = (replicaId: string, startedAt: Date | null, paused = false): Promise<void> =>
    inTransaction(dataSource, (tx) => replicas.refresh(tx, [{ replicaId, startedAt, paused, published: [] }]));

  it('has the start that the engine tells, where that is possible', async () => {
    const id = await starting();
    const startedAt = new Date((await now()) - 1_000);
    await runs(id, startedAt);
    expect((await row(id)).started_at).toEqual(startedAt);
  });

  it.each([
    ['fifteen minutes behind', -15 * MINUTE],
    ['an hour ahead', 60 * MINUTE],
  ])('has no impossible time when the clock of the engine is %s, and counts the length of a run by one clock', async (_name, offset) => {
    const id = await starting();
    await runs(id, new Date((await now()) + offset));
    await fails(id);
    const { started_at, stopped_at, running_at, changed_at, attempt } = await row(id);
    expect(started_at.getTime()).toBeGreaterThanOrEqual((await now()) - 30_000);
    expect(started_at.getTime()).toBeLessThanOrEqual(stopped_at!.getTime());
    expect(nextAttempt({ attempt, runningAt: running_at, changedAt: changed_at })).toBe(1);
  });

  it.each([0, -15 * MINUTE, 60 * MINUTE])(
    'counts the begin of a later run on from the first, with an engine %i ms ahead',
    async (offset) => {
      const id = await starting(100);
      const first = new Date((await now()) - 50_000 + offset);
      await runs(id, first);
      await dataSource.query(`UPDATE deployment_replicas SET started_at = clock_timestamp() - interval '50 s' WHERE id = $1`, [id]);
      await shows(id, new Date(first.getTime() + 40_000));
      expect(Math.abs((await row(id)).started_at.getTime() - ((await now()) - 10_000))).toBeLessThan(5_000);
    },
  );

  it('keeps the start when only ports or a pause have changed, and forgets a pause when it is over', async () => {
    const id = await starting();
    await runs(id, new Date((await now()) - 1_000));
    const before = await row(id);
    await shows(id, null, true);
    const paused = await row(id);
    await shows(id, null, true);
    expect((await row(id)).paused_at).toEqual(paused.paused_at);
    expect(paused).toMatchObject({ started_at: before.started_at, paused_at: expect.any(Date) });
    await shows(id, null, false);
    expect((await row(id)).paused_at).toBeNull();
  });

  it('remembers which nodes could not start replicas, and no others', async () => {
    const other = await aDeployment(dataSource, { user_id: await aUser(dataSource) });
    const [bad, good, past] = [await aNode(dataSource), await aNode(dataSource), await aNode(dataSource)];
    const failed = { deployment_id: other, status: 'failed' };
    await aReplica(dataSource, { ...failed, node_id: bad });
    await aReplica(dataSource, { ...failed, node_id: bad });
    await aReplica(dataSource, { ...failed, node_id: good, started_at: new Date() });
    await aReplica(dataSource, { ...failed, node_id: past, changed_at: new Date(Date.now() - 11 * MINUTE) });
    expect(await inTransaction(dataSource, (tx) => replicas.refusals(tx, other))).toEqual(new Map([[bad, 2]]));
    expect(await inTransaction(dataSource, (tx) => replicas.refusals(tx, deploymentId))).toEqual(new Map());
  });

  it('does not touch a replica that no longer runs', async () => {
    const id = await starting();
    await runs(id, new Date());
    await fails(id);
    const before = await row(id);
    await shows(id, new Date(0), true);
    expect(await row(id)).toEqual(before);
  });

  it('keeps the last lines of the newest replicas only, whatever characters they have', async () => {
    const logs = new KeptLogsRepository(dataSource);
    const keep = async (lines: string[]): Promise<string> => {
      const replicaId = await starting();
      await inTransaction(dataSource, (tx) => logs.keep(tx, deploymentId, [{ replicaId, lines, cut: false }]));
      return replicaId;
    };
    const first = await keep(['"}\\', 'ünï → 🐝', '']);
    expect(await logs.ofDeployment(deploymentId)).toMatchObject([{ replicaId: first, lines: ['"}\\', 'ünï → 🐝', ''], cut: false }]);
    for (let n = 0; n < MOST_KEPT_LOGS; n++) await keep([`line ${n}`]);
    const kept = await logs.ofDeployment(deploymentId);
    expect(kept).toHaveLength(MOST_KEPT_LOGS);
    expect(kept[0]?.lines).toEqual([`line ${MOST_KEPT_LOGS - 1}`]);
    expect(kept.map(({ replicaId }) => replicaId)).not.toContain(first);
  });
});
