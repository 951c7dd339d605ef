import { randomUUID } from 'node:crypto';
import { PurgeBatches } from '../../src/retention/purge-batches.service';
import { PURGED_TABLES } from '../../src/retention/purge-tables';
import { expectInvariants } from '../support/deployments';
import {
  aDeletedDeployment,
  aDeletion,
  expectNothingLeft,
  purgeAuditsOf,
  purgeEventsOf,
  rowsOf,
  type DeletedOptions,
} from '../support/purge';
import { QueryTap } from '../support/query-tap';
import { aChange, aNode, aPlacedReplica, aReplica, insertRow } from '../support/rows';
import { startTestApp, type TestApp } from '../support/test-app';

describe('the purge in the background', () => {
  let t: TestApp;
  let tap: QueryTap;
  let batches: PurgeBatches;
  let userId: string;
  beforeAll(async () => {
    // Without a worker, so that the tests decide when a batch is purged.
    t = await startTestApp({ env: { ROLE: 'api', PURGE_MAX_PER_HOUR: '0' } });
    tap = new QueryTap(t.dataSource);
    batches = t.app.get(PurgeBatches, { strict: false });
    userId = await t.userId('ada');
  });
  afterEach(async () => {
    await purgeAll();
    await expectInvariants(t.dataSource);
  });
  afterAll(() => t?.close());

  const deleted = (options: DeletedOptions = {}): Promise<string> => aDeletedDeployment(t.dataSource, userId, options);
  const purgeAll = async (): Promise<number> => {
    for (let purged = 0; ;) {
      const result = await batches.purgeBatch();
      purged += result.purged;
      if (result.then !== 'more') return purged;
    }
  };
  const isLeft = async (id: string): Promise<boolean> => (await rowsOf(t.dataSource, id)).deployments === 1;

  it('removes every row of a deployment whose time has come and leaves an audit row and an event', async () => {
    const id = await deleted({ replicas: 3 });
    await insertRow(t.dataSource, 'jobs', { kind: 'deployment.reconcile', key: id });
    const before = await rowsOf(t.dataSource, id);
    expect(Object.values(before).every((count) => count > 0)).toBe(true);

    expect(await purgeAll()).toBe(1);
    await expectNothingLeft(t.dataSource, id);
    const audits = await purgeAuditsOf(t.dataSource, id);
    expect(audits).toEqual([
      {
        via: 'system',
        before: expect.objectContaining({
          image: 'nginx:1.27',
          user_id: userId,
          removed_rows: expect.objectContaining({ deployment_replicas: 3, reservations: 3 }),
        }),
        after: { reason: 'The retention is over' },
      },
    ]);
    expect(JSON.stringify(audits)).not.toContain('canary');
    expect(await purgeEventsOf(t.dataSource, id)).toEqual([{ user_id: userId }]);
  });

  it('ends the orders of nodes that never come back, with the environments in them, and no others', async () => {
    const [gone, kept] = [await deleted(), await deleted({ dueSecondsAgo: -86_400 })];
    const nodes = [await aNode(t.dataSource, { runtime: 'agent' }), await aNode(t.dataSource, { runtime: 'agent' })];
    for (const node_id of nodes) {
      await insertRow(t.dataSource, 'node_agents', { node_id });
      await t.dataSource.query(`INSERT INTO agent_links (node_id, epoch, holder, orders_version) VALUES ($1, 1, $1, 7)`, [node_id]);
      for (const [version, will, deployment_id] of [
        [5, 'run', gone],
        [6, 'suspend', gone],
        [7, 'run', kept],
      ] as const)
        await t.dataSource.query(
          `INSERT INTO agent_orders (node_id, replica_id, deployment_id, version, will, spec, fingerprint, grace_seconds)
           VALUES ($1, $2, $3, $4, $5, '\\x00', 'f', 10)`,
          [node_id, randomUUID(), deployment_id, version, will],
        );
    }
    expect(await purgeAll()).toBe(1);
    for (const node of nodes) {
      const orders = await t.dataSource.query<object[]>(
        `SELECT o.version::int, o.will, o.spec IS NULL AND o.fingerprint IS NULL AS bare, o.deployment_id, l.orders_version::int AS latest
           FROM agent_orders AS o JOIN agent_links AS l USING (node_id) WHERE node_id = $1 ORDER BY o.version`,
        [node],
      );
      expect(orders).toEqual([
        { version: 7, will: 'run', bare: false, deployment_id: kept, latest: 9 },
        { version: 8, will: 'absent', bare: true, deployment_id: gone, latest: 9 },
        { version: 9, will: 'absent', bare: true, deployment_id: gone, latest: 9 },
      ]);
    }
  });

  it('leaves what is not due, held, not torn down or alive', async () => {
    const node_id = await aNode(t.dataSource);
    const notDue = await deleted({ dueSecondsAgo: -60 });
    const held = await deleted({ values: { legal_hold_reason: 'a case in court' } });
    const stopping = await deleted();
    await aReplica(t.dataSource, { deployment_id: stopping, node_id, status: 'stopping' });
    const reserved = await deleted();
    await aPlacedReplica(t.dataSource, { deployment_id: reserved, node_id, status: 'failed' });
    const open = await deleted();
    await aDeletion(t.dataSource, open, { generation: 2 });
    const kept = [notDue, held, stopping, reserved, open];

    expect(await purgeAll()).toBe(0);
    for (const id of kept) expect([id, await isLeft(id)]).toEqual([id, true]);

    await t.dataSource.query(`UPDATE deployments SET legal_hold_reason = NULL WHERE id = $1`, [held]);
    await t.dataSource.query(`UPDATE deployment_replicas SET status = 'stopped', stopped_at = now() WHERE deployment_id = $1`, [stopping]);
    await t.dataSource.query(`UPDATE reservations SET released_at = now() WHERE deployment_id = $1 AND released_at IS NULL`, [reserved]);
    await t.dataSource.query(`UPDATE deletions SET restored_at = now() WHERE deployment_id = $1 AND completed_at IS NULL`, [open]);
    expect(await purgeAll()).toBe(4);
    expect(await isLeft(notDue)).toBe(true);
  });

  it('passes over a deployment that somebody has locked, and judges again what changed meanwhile', async () => {
    const [restored, free] = [await deleted(), await deleted()];
    const restore = t.dataSource.createQueryRunner();
    await restore.startTransaction();
    await restore.query(`SELECT 1 FROM deployments WHERE id = $1 FOR UPDATE`, [restored]);
    try {
      expect(await purgeAll()).toBe(1);
      expect(await isLeft(free)).toBe(false);
      await restore.query(`SELECT set_config('fog.operation', 'restore', true)`);
      await restore.query(`UPDATE deployments SET status = 'stopped', deleted_at = NULL, purge_at = NULL WHERE id = $1`, [restored]);
      await aChange(restore.manager, { deployment_id: restored, old_status: 'deleted', new_status: 'stopped' });
      await restore.commitTransaction();
    } finally {
      await restore.release();
    }
    expect(await purgeAll()).toBe(0);
    expect(await isLeft(restored)).toBe(true);
  });

  it('purges each deployment once when two processes are at it', async () => {
    const ids = await Promise.all(Array.from({ length: 12 }, () => deleted()));
    const results = await Promise.all(Array.from({ length: 4 }, () => batches.purgeBatch()));
    expect(results.reduce((sum, { purged }) => sum + purged, 0)).toBe(12);
    for (const id of ids) expect(await purgeAuditsOf(t.dataSource, id)).toHaveLength(1);
  });

  it.each([...PURGED_TABLES.map(({ table }) => `DELETE FROM ${table} `), 'INSERT INTO audit_log', 'INSERT INTO events', 'COMMIT'])(
    'leaves everything when it dies at %s',
    async (at) => {
      const ids = [await deleted({ replicas: 2 }), await deleted()];
      const before = await Promise.all(ids.map((id) => rowsOf(t.dataSource, id)));
      const dying = tap.while(
        ({ sql }) => {
          if (sql.includes(at)) throw new Error('died');
          return undefined;
        },
        () => batches.purgeBatch(),
      );
      await expect(dying).rejects.toThrow();
      expect(await Promise.all(ids.map((id) => rowsOf(t.dataSource, id)))).toEqual(before);
      for (const id of ids) {
        expect(await purgeAuditsOf(t.dataSource, id)).toEqual([]);
        expect(await purgeEventsOf(t.dataSource, id)).toEqual([]);
      }
    },
  );

  it('takes the same number of statements whatever the number of deployments and of their rows', async () => {
    const counts: number[] = [];
    for (const [deployments, replicas] of [
      [1, 1],
      [1, 50],
      [30, 2],
    ] as const) {
      for (let n = 0; n < deployments; n++) await deleted({ replicas });
      const statements = await tap.statements(async () => expect((await batches.purgeBatch()).purged).toBe(deployments));
      counts.push(statements.filter(({ sql }) => !sql.includes('pg_notify')).length);
    }
    expect(counts).toEqual([counts[0], counts[0], counts[0]]);
    expect(counts[0]).toBeLessThanOrEqual(PURGED_TABLES.length + 13);
  });

  it('takes at most a hundred at a time, the longest overdue first', async () => {
    const first = await deleted({ dueSecondsAgo: 9_999 });
    const last = await deleted({ dueSecondsAgo: 1 });
    for (let n = 0; n < 99; n++) await deleted({ replicas: 0 });
    expect(await batches.purgeBatch()).toEqual({ purged: 100, then: 'more' });
    expect([await isLeft(first), await isLeft(last)]).toEqual([false, true]);
  });
});

describe('the brake of the purge', () => {
  let t: TestApp;
  beforeAll(async () => {
    t = await startTestApp({ env: { ROLE: 'api', PURGE_MAX_PER_HOUR: '5', METRICS_PUBLIC: 'true' } });
  });
  afterAll(() => t?.close());

  it('purges no more than the hour allows, says how many wait, and goes on an hour later', async () => {
    const userId = await t.userId('ada');
    for (let n = 0; n < 8; n++) await aDeletedDeployment(t.dataSource, userId);
    const batches = t.app.get(PurgeBatches, { strict: false });
    expect(await batches.purgeBatch()).toEqual({ purged: 5, then: 'more' });
    expect(await batches.purgeBatch()).toEqual({ purged: 0, then: 'braked' });
    const { text } = await t.http.get('/metrics').expect(200);
    expect(text).toContain('fog_purge_due 3');
    expect(text).toContain('fog_purge_blocked{reason="brake"} 3');
    expect(text).toContain('fog_purged_total{by="background"} 5');

    await t.dataSource.query(`UPDATE purged_deployments SET purged_at = now() - interval '61 minutes'`);
    expect(await batches.purgeBatch()).toEqual({ purged: 3, then: 'more' });
    expect(await batches.purgeBatch()).toEqual({ purged: 0, then: 'done' });
  });
});

describe('what the database itself refuses', () => {
  let t: TestApp;
  beforeAll(async () => {
    t = await startTestApp({ env: { ROLE: 'api' } });
  });
  afterAll(() => t?.close());

  const inOperation = (operation: string, sql: string, id: string): Promise<unknown> =>
    t.dataSource.transaction(async (manager) => {
      await manager.query(`SELECT set_config('fog.operation', $1, true)`, [operation]);
      await manager.query(sql, [id]);
    });
  const HISTORY = `DELETE FROM deployment_status_history WHERE deployment_id = $1`;

  it('removes history only in a purge, and only of what is deleted, due and not held', async () => {
    const userId = await t.userId('ada');
    const due = await aDeletedDeployment(t.dataSource, userId);
    const early = await aDeletedDeployment(t.dataSource, userId, { dueSecondsAgo: -60 });
    const held = await aDeletedDeployment(t.dataSource, userId, { values: { legal_hold_reason: 'a case' } });
    for (const [operation, id] of [
      ['', due],
      ['restore', due],
      ['retention', due],
      ['purge', early],
      ['purge', held],
    ] as const)
      await expect(inOperation(operation, HISTORY, id)).rejects.toMatchObject({ code: '23514' });
    await expect(
      inOperation('purge', `UPDATE deployment_status_history SET reason = 'x' WHERE deployment_id = $1`, due),
    ).rejects.toMatchObject({
      code: '23514',
    });
    const removed = t.dataSource.transaction(async (manager) => {
      await manager.query(`SELECT set_config('fog.operation', 'purge', true)`);
      await manager.query(HISTORY, [due]);
      expect(await rowsOf(manager, due)).toMatchObject({ deployment_status_history: 0 });
      throw new Error('only looked');
    });
    await expect(removed).rejects.toThrow('only looked');
  });

  it('lets no deployment go otherwise, and no purge time move', async () => {
    const id = await aDeletedDeployment(t.dataSource, await t.userId('ada'), { dueSecondsAgo: -3_600 });
    await expect(t.dataSource.query(`DELETE FROM deployments WHERE id = $1`, [id])).rejects.toMatchObject({ code: '23514' });
    await expect(inOperation('purge', `DELETE FROM deployments WHERE id = $1`, id)).rejects.toMatchObject({ code: '23514' });
    await expect(t.dataSource.query(`UPDATE deployments SET purge_at = now() WHERE id = $1`, [id])).rejects.toMatchObject({
      code: '23514',
    });
  });

  it('knows no table of a deployment that the purge does not know, and none before its children', async () => {
    const keys = await t.dataSource.query<{ child: string; parent: string }[]>(
      `SELECT conrelid::regclass::text AS child, confrelid::regclass::text AS parent FROM pg_constraint
        WHERE contype = 'f' AND confrelid::regclass::text = ANY($1)`,
      [PURGED_TABLES.map(({ table }) => table)],
    );
    const places = new Map(PURGED_TABLES.map(({ table }, place) => [table, place]));
    expect(keys.length).toBeGreaterThan(5);
    expect(keys.filter(({ child }) => !places.has(child))).toEqual([]);
    expect(keys.filter(({ child, parent }) => places.get(child)! >= places.get(parent)!)).toEqual([]);
  });
});
