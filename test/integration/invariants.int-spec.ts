import { execFile } from 'node:child_process';
import { join } from 'node:path';
import type { DataSource, EntityManager } from 'typeorm';
import { inTransaction } from '../../src/database/transaction';
import { checkInvariants } from '../../src/invariants/check-invariants';
import * as known from '../../src/invariants/invariants.sql';
import { report } from '../../src/invariants/report';
import { openDataSource } from '../support/open-data-source';
import { aChange, aDeployment, aNode, aPlacedReplica, aReplica, aUser, insertRow } from '../support/rows';
import { createTestDatabase, type TestDatabase } from '../support/test-database';

const ROOT = join(__dirname, '../..');
const LONG_AGO = new Date('2026-01-01T00:00:00Z');

interface Base {
  user: string;
  node: string;
  running: string;
  replica: string;
  deleted: string;
}
type Seed = (tx: EntityManager, base: Base) => Promise<unknown>;

/** What breaks each invariant, written past every trigger and constraint. */
const SEEDS: readonly [known.Invariant, string, Seed][] = [
  [
    known.LIVE_NAMES,
    'a name twice',
    async (tx, { user }) => {
      await tx.query(`DROP INDEX uq_deployments_live_name`);
      for (const name of ['twin', 'twin']) await aDeployment(tx, { user_id: user, name });
    },
  ],
  [known.PROJECTS_HAVE_MAINTAINERS, 'a project without a maintainer', (tx) => insertRow(tx, 'projects', { name: 'nobodys' })],
  [
    known.PROJECTS_HAVE_MAINTAINERS,
    'a stranger in a personal project',
    async (tx, { user }) =>
      tx.query(`INSERT INTO project_members (project_id, user_id, role) VALUES ($1, $2, 'viewer')`, [user, await aUser(tx)]),
  ],
  [
    known.PROJECTS_HAVE_MAINTAINERS,
    'a user without a personal project',
    async (tx) => {
      await tx.query(`DELETE FROM projects WHERE id = $1`, [await aUser(tx)]);
    },
  ],
  [
    known.PROJECTS_HAVE_MAINTAINERS,
    'a deployment in the personal project of somebody else',
    async (tx, { running }) => tx.query(`UPDATE deployments SET project_id = $2 WHERE id = $1`, [running, await aUser(tx)]),
  ],
  [
    known.DELETED_TORN_DOWN,
    'a replica that stops for ever and no job',
    (tx, { deleted, node }) => aPlacedReplica(tx, { deployment_id: deleted, node_id: node, status: 'stopping' }),
  ],
  [
    known.DELETED_TORN_DOWN,
    'a job that fails but does not say so',
    async (tx, { deleted, node }) => {
      await aPlacedReplica(tx, { deployment_id: deleted, node_id: node, status: 'stopping' });
      await insertRow(tx, 'jobs', { kind: 'deployment.reconcile', key: deleted, attempts: 9 });
    },
  ],
  [
    known.NO_OVERCOMMITMENT,
    'a node smaller than what it holds',
    async (tx, { node }) => {
      await tx.query(`ALTER TABLE nodes DROP CONSTRAINT ck_nodes_reserved_memory`);
      await tx.query(`UPDATE nodes SET memory_mb = 1 WHERE id = $1`, [node]);
    },
  ],
  [
    known.RESERVATIONS_MATCH,
    'a stopped replica that holds its place',
    (tx, { replica }) => tx.query(`UPDATE deployment_replicas SET status = 'stopped', stopped_at = now() WHERE id = $1`, [replica]),
  ],
  [
    known.RESERVATIONS_MATCH,
    'a running replica without a place',
    (tx, { running, node }) => aReplica(tx, { deployment_id: running, node_id: node }),
  ],
  [
    known.RESERVATIONS_MATCH,
    'a starting replica whose place was released',
    (tx, { replica }) => tx.query(`UPDATE reservations SET released_at = now() WHERE replica_id = $1`, [replica]),
  ],
  [
    known.RESERVATIONS_MATCH,
    'a replica with its place on another node',
    async (tx, { replica }) => {
      const other = await aNode(tx);
      await tx.query(`UPDATE deployment_replicas SET node_id = $2 WHERE id = $1`, [replica, other]);
    },
  ],
  [
    known.STATUS_IN_HISTORY,
    'a status without its history row',
    (tx, { running }) => tx.query(`UPDATE deployments SET status = 'stopped' WHERE id = $1`, [running]),
  ],
  [
    known.STATUS_IN_HISTORY,
    'a deployment without any history',
    (tx, { running }) => offGuard(tx, `DELETE FROM deployment_status_history WHERE deployment_id = $1`, [running]),
  ],
  [
    known.FEED_WITHOUT_GAPS,
    'an event that was taken out of the feed',
    async (tx) => {
      await tx.query(`UPDATE events SET position = id, published_at = now()`);
      await tx.query(`UPDATE event_feed SET last_position = (SELECT max(position) FROM events)`);
      await tx.query(`DELETE FROM events WHERE position = 3`);
    },
  ],
  [known.FEED_WITHOUT_GAPS, 'a position that the feed does not know', (tx) => tx.query(`UPDATE event_feed SET last_position = 1`)],
  [
    known.DELETED_AT_SET,
    'a deletion time on a running deployment',
    async (tx, { running }) => {
      await tx.query(`ALTER TABLE deployments DROP CONSTRAINT ck_deployments_deleted`);
      await tx.query(`UPDATE deployments SET deleted_at = now() WHERE id = $1`, [running]);
    },
  ],
  [
    known.DELETED_AT_SET,
    'a deleted deployment without a time',
    async (tx, { deleted }) => {
      await tx.query(`ALTER TABLE deployments DROP CONSTRAINT ck_deployments_deleted`);
      await offGuard(tx, `UPDATE deployments SET deleted_at = NULL, purge_at = NULL, name = 'other' WHERE id = $1`, [deleted]);
    },
  ],
  [
    known.DELETED_ONCE,
    'two deletions',
    (tx, { deleted }) => aChange(tx, { deployment_id: deleted, old_status: 'running', new_status: 'deleted' }),
  ],
  [
    known.DELETED_ONCE,
    'a deletion of what is deleted',
    (tx, { deleted }) => aChange(tx, { deployment_id: deleted, old_status: 'deleted', new_status: 'deleted' }),
  ],
  [
    known.DELETION_RECORDED,
    'a deletion without its record',
    (tx, { deleted }) => tx.query(`DELETE FROM deletions WHERE deployment_id = $1`, [deleted]),
  ],
  [
    known.COUNTERS_EXACT,
    'a counter that leaked',
    (tx, { node }) => tx.query(`UPDATE nodes SET reserved_storage_gb = reserved_storage_gb + 1 WHERE id = $1`, [node]),
  ],
  [
    known.COUNTERS_EXACT,
    'a release that did not count',
    async (tx, { deleted, node }) => {
      const id = await aPlacedReplica(tx, { deployment_id: deleted, node_id: node, status: 'failed' });
      await offGuard(tx, `UPDATE reservations SET released_at = now() WHERE replica_id = $1`, [id]);
    },
  ],
  [
    known.STOPPED_AT_SET,
    'a stopped replica without a time',
    async (tx, { running, node }) => {
      await tx.query(`ALTER TABLE deployment_replicas DROP CONSTRAINT ck_deployment_replicas_stopped`);
      await aReplica(tx, { deployment_id: running, node_id: node, status: 'stopped' });
    },
  ],
  [
    known.PURGE_TIME_SET,
    'a deleted deployment that is kept for ever',
    (tx, { deleted }) => offGuard(tx, `UPDATE deployments SET purge_at = NULL WHERE id = $1`, [deleted]),
  ],
  [
    known.PURGE_TIME_SET,
    'a retention that ended before it began',
    (tx, { deleted }) => offGuard(tx, `UPDATE deployments SET purge_at = deleted_at - interval '1 second' WHERE id = $1`, [deleted]),
  ],
  [
    known.PURGED_IS_GONE,
    'a purge that left the deployment',
    (tx, { deleted }) => insertRow(tx, 'purged_deployments', { deployment_id: deleted }),
  ],
  [
    known.REVISION_PRESENT,
    'a deployment without its revision',
    (tx, { running }) => tx.query(`UPDATE deployments SET current_revision = 2 WHERE id = $1`, [running]),
  ],
  [
    known.REVISION_PRESENT,
    'resources that are not those of the revision',
    (tx, { running }) => tx.query(`UPDATE deployment_resources SET memory_mb = 64 WHERE deployment_id = $1`, [running]),
  ],
  [
    known.ROLLOUT_OPEN,
    'a deployment that names a rollout which is not there',
    (tx, { running }) => tx.query(`UPDATE deployments SET open_rollout = 1 WHERE id = $1`, [running]),
  ],
  [known.ROUTES_OF_THE_LIVE, 'a route of a deleted deployment', (tx, { deleted }) => aRoute(tx, deleted, '/')],
  [
    known.ROUTES_OF_THE_LIVE,
    'a host of two owners',
    async (tx, { running }) => {
      await aRoute(tx, running, '/');
      await aRoute(tx, await aDeployment(tx, { user_id: await aUser(tx) }), '/x');
    },
  ],
  [known.ROLLOUT_OPEN, 'a rollout that its deployment does not name', (tx, { running }) => aRollout(tx, running)],
  ...(['pending', 'starting', 'running'] as const).map((status): [known.Invariant, string, Seed] => [
    known.NOTHING_STARTS_AFTER_DELETE,
    `a ${status} replica of a deleted deployment`,
    async (tx, { user, node }) => {
      const justDeleted = await aDeployment(tx, { user_id: user, status: 'deleted', deleted_at: new Date() });
      await aPlacedReplica(tx, { deployment_id: justDeleted, node_id: node, status });
    },
  ]),
];

const aRoute = (tx: EntityManager, deployment_id: string, path_prefix: string): Promise<string> =>
  insertRow(tx, 'deployment_routes', { deployment_id, host: 'a.example', path_prefix, port: 80, position: 0, named: true });

const aRollout = (tx: EntityManager, deployment_id: string): Promise<string> =>
  insertRow(tx, 'deployment_rollouts', { deployment_id, number: 1, revision: 1, from_revision: 1, deadline_at: new Date() });

async function offGuard(tx: EntityManager, sql: string, parameters: unknown[]): Promise<void> {
  await tx.query(`SET LOCAL session_replication_role = replica`);
  await tx.query(sql, parameters);
  await tx.query(`SET LOCAL session_replication_role = origin`);
}

/** All states that are allowed, among them those that look like violations. */
async function seedBase(database: DataSource): Promise<Base> {
  const user = await aUser(database);
  const node = await aNode(database);
  const running = await aDeployment(database, { user_id: user, name: 'twin' });
  const replica = await aPlacedReplica(database, { deployment_id: running, node_id: node, status: 'starting' });
  await aPlacedReplica(database, { deployment_id: running, node_id: node, status: 'failed' });
  await aReplica(database, { deployment_id: running, node_id: node, status: 'failed' });
  await aReplica(database, { deployment_id: running, node_id: node, status: 'stopped', stopped_at: new Date() });

  const deleted = await aDeployment(database, { user_id: user, name: 'twin', status: 'deleted', deleted_at: LONG_AGO });
  await aReplica(database, { deployment_id: deleted, node_id: node, status: 'stopped', stopped_at: LONG_AGO });
  const restored = await aDeployment(database, { user_id: user, name: 'restored', status: 'deleted', deleted_at: LONG_AGO });
  await aChange(database, { deployment_id: restored, old_status: 'deleted', new_status: 'stopped' });
  await aChange(database, { deployment_id: restored, old_status: 'stopped', new_status: 'deleted' });

  const stuck = await aDeployment(database, { user_id: user, status: 'deleted', deleted_at: LONG_AGO });
  await aPlacedReplica(database, { deployment_id: stuck, node_id: node, status: 'stopping' });
  await insertRow(database, 'jobs', {
    kind: 'deployment.reconcile',
    key: stuck,
    last_error: 'The engine is away',
    failing_since: LONG_AGO,
  });
  const underWay = await aDeployment(database, { user_id: user, status: 'deleted', deleted_at: new Date() });
  await aPlacedReplica(database, { deployment_id: underWay, node_id: node, status: 'stopping' });
  const warm = await aDeployment(database, { user_id: user, status: 'deleted', deleted_at: LONG_AGO });
  const kept = await aPlacedReplica(database, { deployment_id: warm, node_id: node, status: 'stopping' });
  await database.query(`UPDATE deployment_replicas SET warm_until = now() + interval '1 hour' WHERE id = $1`, [kept]);
  return { user, node, running, replica, deleted };
}

describe('invariants', () => {
  let database: TestDatabase;
  let dataSource: DataSource;
  let base: Base;
  beforeEach(async () => {
    database = await createTestDatabase();
    dataSource = await openDataSource(database.url, 2);
    base = await seedBase(dataSource);
  });
  afterEach(async () => {
    await dataSource?.destroy();
    await database?.drop();
  });

  const broken = async (): Promise<string[]> =>
    (await checkInvariants(dataSource, { graceSeconds: 60 })).map(({ invariant }) => invariant.id);
  const check = (env: NodeJS.ProcessEnv): Promise<{ code: number; output: string }> =>
    new Promise((resolve) => {
      const args = ['-r', '@swc-node/register', 'src/check-invariants.main.ts'];
      execFile(process.execPath, args, { cwd: ROOT, env: { PATH: process.env.PATH, ...env } }, (error, stdout, stderr) =>
        resolve({ code: Number(error?.code ?? 0), output: stdout + stderr }),
      );
    });

  it('all hold in a database that shows every allowed state', async () => {
    expect(await broken()).toEqual([]);
  });

  it.each(SEEDS.map(([{ id }, name, seed]) => ({ id, name, seed })))('$id notices $name', async ({ id, seed }) => {
    await inTransaction(dataSource, (tx) => seed(tx, base));
    expect(await broken()).toEqual([id]);
  });

  it('each have a seeded violation here', () => {
    expect(new Set(SEEDS.map(([{ id }]) => id))).toEqual(new Set(known.INVARIANTS.map(({ id }) => id)));
  });

  it('give the background its time, and no more', async () => {
    const violations = await checkInvariants(dataSource, { graceSeconds: 0 });
    expect(violations.map(({ invariant, count }) => [invariant.id, count])).toEqual([['deleted-torn-down', 1]]);
  });

  it('count every violation and show the first five', async () => {
    for (let i = 0; i < 7; i++) await aReplica(dataSource, { deployment_id: base.running, node_id: base.node });
    const [violation] = await checkInvariants(dataSource, { graceSeconds: 60 });
    expect(violation).toMatchObject({ count: 7, invariant: { id: 'reservations-match-replicas' } });
    expect(violation?.examples).toHaveLength(5);
    expect(report(violation ? [violation] : []).join('\n')).toContain('… and 2 more');
  });

  it('are checked from the command line, with an exit code and words on what to do', async () => {
    const good = await check({ DATABASE_URL: database.url });
    expect(good).toMatchObject({ code: 0, output: expect.stringContaining(`All ${known.INVARIANTS.length} invariants hold.`) as string });

    await aReplica(dataSource, { deployment_id: base.running, node_id: base.node });
    const bad = await check({ DATABASE_URL: database.url });
    expect(bad.code).toBe(1);
    expect(bad.output).toMatch(/VIOLATED {2}reservations-match-replicas: .* 1 row breaks it:\n.*\n.*What to do: /);

    const absent = await check({ DATA_DIR: '/nowhere' });
    expect(absent).toMatchObject({ code: 2, output: expect.stringContaining('Set DATABASE_URL') as string });
  });
});
