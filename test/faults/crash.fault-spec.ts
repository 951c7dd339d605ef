import { setTimeout as sleep } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import { checkInvariants } from '../../src/invariants/check-invariants';
import type { Client } from '../support/client';
import { inStatus, untilHealthy, untilNoWork } from '../support/deployments-under-test';
import { openDataSource } from '../support/open-data-source';
import { adminOf, startProcess, type ProcessUnderTest } from '../support/process-under-test';
import { aNode } from '../support/rows';
import { createTestDatabase, type TestDatabase } from '../support/test-database';
import { until } from '../support/until';
import { CrashLoad } from './crash-load';

/** More of them before a release: `FAULT_ROUNDS=100 npx jest test/faults/crash`. */
const ROUNDS = Number(process.env.FAULT_ROUNDS ?? '5');
const LOOPS = 6;

const WORKLOADS = `SELECT replica_id AS id FROM simulated_workloads WHERE gone_at IS NULL OR gone_at > clock_timestamp()`;

describe(`killed ${ROUNDS} times under load`, () => {
  let database: TestDatabase;
  let dataSource: DataSource;
  let product: ProcessUnderTest;
  let client: Client;
  let load: CrashLoad;

  const start = async (): Promise<void> => {
    product = await startProcess({ DATABASE_URL: database.url, SIMULATED_DELAY_MS: '100', LOG_LEVEL: 'warn' });
  };

  beforeAll(
    async () => {
      database = await createTestDatabase();
      dataSource = await openDataSource(database.url, 2);
      await start();
      // A killed worker's teardowns hold their places until its lease is over: room for those of many kills.
      for (let n = 0; n < 3; n++) await aNode(dataSource, { cpu_cores: 500, memory_mb: 1_000_000, storage_gb: 10_000 });
      client = await adminOf(product);
      load = new CrashLoad(() => client);
      const work = load.run(LOOPS);
      for (let round = 0; round < ROUNDS; round++) {
        // By work done and not by time, so that a slow machine is not killed before it has done anything.
        const enough = load.figures.acknowledged + 20 + Math.random() * 40;
        await until(() => load.figures.acknowledged >= enough, { timeoutMs: 60_000, everyMs: 5, what: `${enough} acknowledgements` });
        await sleep(Math.random() * 100);
        await product.kill('SIGKILL');
        await start();
        client = client.at(product.url);
      }
      await sleep(500);
      load.stop();
      await work;
      process.stdout.write(`crash test: ${ROUNDS} kills, ${JSON.stringify(load.figures)}\n`);
    },
    60_000 + ROUNDS * 60_000,
  );

  afterAll(async () => {
    await product?.kill('SIGKILL');
    await dataSource?.destroy();
    await database?.drop();
  });

  const promised = (deleted: boolean) => [...load.ledger.values()].filter((deployment) => deployment.deleted === deleted);

  it('had requests in flight when it was killed, or it would show nothing', () => {
    expect(load.figures.unanswered).toBeGreaterThan(0);
    expect(promised(true).length).toBeGreaterThan(ROUNDS);
  });

  it('answered every repeated request with a success', () => {
    expect(load.wrong).toEqual([]);
  });

  it('has every acknowledged deployment, running with the replicas that were acknowledged last', async () => {
    for (const { id, replicas } of promised(false)) {
      const view = await untilHealthy(client, id, 40_000);
      expect(view.target_replicas).toBe(replicas);
      expect(inStatus(view, 'running')).toHaveLength(replicas);
    }
  });

  it('has every acknowledged deletion, with everything stopped and released', async () => {
    for (const { id } of promised(true)) {
      const view = await untilNoWork(client, id, 40_000);
      expect(view.status).toBe('deleted');
      expect(view.replicas.filter(({ status }) => status !== 'stopped' && status !== 'failed')).toEqual([]);
    }
    const open = await dataSource.query<unknown[]>(
      `SELECT v.* FROM reservations AS v JOIN deployments AS d ON d.id = v.deployment_id WHERE v.released_at IS NULL AND d.status = 'deleted'`,
    );
    expect(open).toEqual([]);
  });

  it('made each deployment once, and none that was not asked for', async () => {
    const rows = await dataSource.query<{ id: string }[]>(`SELECT id FROM deployments ORDER BY id`);
    expect(rows.map(({ id }) => id)).toEqual([...load.ledger.keys()].sort());
  });

  it('left no container that nobody stands for, and started none twice', async () => {
    const expected = await dataSource.query<{ id: string }[]>(`SELECT id FROM deployment_replicas WHERE status = 'running'`);
    const ids = (rows: { id: string }[]): string[] => rows.map(({ id }) => id).sort();
    await until(async () => (await dataSource.query<unknown[]>(WORKLOADS)).length === expected.length, {
      timeoutMs: 15_000,
      what: 'the sync of the nodes',
    });
    expect(ids(await dataSource.query<{ id: string }[]>(WORKLOADS))).toEqual(ids(expected));
  });

  it('kept every invariant, without any grace', async () => {
    expect(await checkInvariants(dataSource, { graceSeconds: 0 })).toEqual([]);
  });
});
