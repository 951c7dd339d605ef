import { Client as Postgres, escapeIdentifier } from 'pg';
import type { DataSource } from 'typeorm';
import { checkInvariants } from '../../src/invariants/check-invariants';
import type { Client } from '../support/client';
import { deploy, inStatus, remove, statusOf, untilHealthy, untilNoWork } from '../support/deployments-under-test';
import { openDataSource } from '../support/open-data-source';
import { adminOf, startProcess, type ProcessUnderTest } from '../support/process-under-test';
import { createTestDatabase, type TestDatabase } from '../support/test-database';
import { until } from '../support/until';

interface Workload {
  readonly deploymentId: string;
  readonly replicaId: string;
}

interface Orphan {
  readonly id: string;
  readonly etag: string;
  readonly replica_id: string;
  readonly deployment: { readonly id: string; readonly known: string };
}

const PRESENT = `SELECT deployment_id AS "deploymentId", replica_id AS "replicaId" FROM simulated_workloads
                  WHERE gone_at IS NULL OR gone_at > clock_timestamp() ORDER BY 2`;

/** The containers are not in the backup, so the simulated engine of the copy gets those that run by now. */
async function copyWorld(from: DataSource, to: DataSource): Promise<void> {
  const [{ world }] = await from.query<[{ world: unknown }]>(`SELECT jsonb_agg(w) AS world FROM simulated_workloads AS w`);
  await to.query(`DELETE FROM simulated_workloads`);
  await to.query(`INSERT INTO simulated_workloads SELECT * FROM jsonb_populate_recordset(NULL::simulated_workloads, $1)`, [
    JSON.stringify(world),
  ]);
}

/** Makes a second database with the same content, while no client is connected to the first. */
async function backUp({ url }: TestDatabase): Promise<{ url: string; drop: () => Promise<void> }> {
  const name = new URL(url).pathname.slice(1);
  const [server, copy] = [new URL(url), new URL(url)];
  server.pathname = '/postgres';
  copy.pathname = `/${name}_backup`;
  const run = async (sql: string): Promise<void> => {
    const admin = new Postgres({ connectionString: server.toString() });
    await admin.connect();
    await admin.query(sql).finally(() => admin.end());
  };
  const quoted = escapeIdentifier(`${name}_backup`);
  await until(() => run(`CREATE DATABASE ${quoted} TEMPLATE ${escapeIdentifier(name)}`).then(() => true), { what: 'the backup' });
  return { url: copy.toString(), drop: () => run(`DROP DATABASE IF EXISTS ${quoted} WITH (FORCE)`) };
}

describe('a database that was restored to an earlier time, while the containers ran on', () => {
  let live: TestDatabase;
  let backup: { url: string; drop: () => Promise<void> };
  let restored: DataSource;
  let product: ProcessUnderTest;
  let client: Client;
  const ids = { kept: '', grown: '', deleted: '', newer: '' };

  const begin = async (url: string): Promise<void> => {
    product = await startProcess({ DATABASE_URL: url, LOG_LEVEL: 'warn', NODE_SYNC_SECONDS: '1', STOP_GRACE_SECONDS: '0' });
    client = client ? client.at(product.url) : await adminOf(product);
  };
  const present = (): Promise<Workload[]> => restored.query<Workload[]>(PRESENT);
  const presentOf = async (id: string): Promise<string[]> =>
    (await present()).filter(({ deploymentId }) => deploymentId === id).map(({ replicaId }) => replicaId);

  let before: readonly Workload[] = [];
  const orphansNow = async (): Promise<Orphan[]> => (await client.get('/api/admin/orphans')).body as Orphan[];
  /** The containers that no replica of the restored database stands for. */
  const strangersOf = async (): Promise<string[]> => {
    const known = await restored.query<{ id: string }[]>(`SELECT id FROM deployment_replicas`);
    const ids = new Set(known.map(({ id }) => id));
    return (await present()).map(({ replicaId }) => replicaId).filter((id) => !ids.has(id));
  };

  beforeAll(async () => {
    live = await createTestDatabase();
    await begin(live.url);
    for (const name of ['kept', 'grown', 'deleted'] as const) {
      ids[name] = await deploy(client, name, { replicas: 2 });
      await untilHealthy(client, ids[name]);
      await untilNoWork(client, ids[name]);
    }
    await product.kill('SIGTERM');
    backup = await backUp(live);

    await begin(live.url);
    ids.newer = await deploy(client, 'newer', { replicas: 2 });
    await untilHealthy(client, ids.newer);
    await client.post(`/api/deployment/scale/${ids.grown}`, { replicas: 3 });
    await untilHealthy(client, ids.grown);
    expect((await remove(client, ids.deleted, '?wait=20')).status).toBe(200);
    await product.kill('SIGTERM');

    restored = await openDataSource(backup.url, 2);
    const old = await openDataSource(live.url, 1);
    await copyWorld(old, restored);
    await old.destroy();
    before = await present();
    await begin(backup.url);
  });

  afterAll(async () => {
    await product?.kill('SIGKILL');
    await restored?.destroy();
    await backup?.drop();
    await live?.drop();
  });

  it('finds the world that it is meant to find', () => {
    const count = (id: string): number => before.filter(({ deploymentId }) => deploymentId === id).length;
    expect([count(ids.kept), count(ids.grown), count(ids.deleted), count(ids.newer)]).toEqual([2, 3, 0, 2]);
  });

  it('touches nothing that is as its records say', async () => {
    const view = await untilHealthy(client, ids.kept);
    expect(view.replicas).toHaveLength(2);
    expect(await presentOf(ids.kept)).toEqual(
      before.filter(({ deploymentId }) => deploymentId === ids.kept).map(({ replicaId }) => replicaId),
    );
  });

  it('takes known deployments back to what was wanted then', async () => {
    // The backup is older than the deletion, so that deployment is wanted again, in new containers.
    for (const id of [ids.grown, ids.deleted]) {
      const isSettled = async (): Promise<boolean> => {
        const running = inStatus(await statusOf(client, id), 'running').map((replica) => replica.id);
        const containers = new Set(await presentOf(id));
        return running.length === 2 && running.every((replica) => containers.has(replica));
      };
      await until(isSettled, { what: `two containers of ${id}, those of its records` });
    }
  });

  it('leaves the containers alone that it has never heard of, and lists each', async () => {
    const strangers = await strangersOf();
    expect(strangers).toHaveLength(3);
    const listed = await until(
      async () => {
        const orphans = await orphansNow();
        return strangers.every((id) => orphans.some((orphan) => orphan.replica_id === id)) ? orphans : null;
      },
      { what: 'all to be listed' },
    );
    expect(listed).toHaveLength(3);
    const of = (id: string) => listed.filter(({ deployment }) => deployment.id === id).map(({ deployment }) => deployment.known);
    expect([of(ids.newer), of(ids.grown)]).toEqual([['unknown', 'unknown'], ['live']]);
    expect(await strangersOf()).toEqual(strangers);
    expect(product.output).toMatch(/replica .* is an orphan/);
    expect((await client.get(`/api/deployment/status/${ids.newer}`)).status).toBe(404);
  });

  it('makes the container of a scaling after the backup a replica again, and removes what was reaped', async () => {
    const [grown, ...newer] = (await orphansNow()).toSorted((a, b) => a.deployment.known.localeCompare(b.deployment.known));
    const adopted = await client.post(`/api/admin/orphans/${grown!.id}/adopt?raise_target=true`, undefined, { ifMatch: grown!.etag });
    expect(adopted.status).toBe(202);
    const view = await until(
      async () => {
        const shown = await statusOf(client, ids.grown);
        return inStatus(shown, 'running').length === 3 ? shown : null;
      },
      { what: 'three replicas' },
    );
    expect(view.replicas.map(({ id }) => id)).toContain(grown!.replica_id);
    for (const { id, etag } of newer)
      expect((await client.post(`/api/admin/orphans/${id}/reap`, undefined, { ifMatch: etag })).status).toBe(202);
    await until(async () => (await presentOf(ids.newer)).length === 0, { what: 'what was reaped to be gone' });
    expect(await presentOf(ids.grown)).toHaveLength(3);
    await until(async () => (await orphansNow()).length === 0, { what: 'the list to be empty' });
  });

  it('keeps every invariant', async () => {
    expect(await checkInvariants(restored, { graceSeconds: 15 })).toEqual([]);
  });
});
