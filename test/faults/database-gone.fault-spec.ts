import { setTimeout as sleep } from 'node:timers/promises';
import { Client as Postgres } from 'pg';
import { checkInvariants } from '../../src/invariants/check-invariants';
import type { Client } from '../support/client';
import { deploy, remove, statusOf, untilHealthy } from '../support/deployments-under-test';
import { FaultProxy } from '../support/fault-proxy';
import { openDataSource } from '../support/open-data-source';
import { adminOf, postmasterOf, startProcess, temporaryDataDir, type ProcessUnderTest } from '../support/process-under-test';
import { createTestDatabase, type TestDatabase } from '../support/test-database';
import { until } from '../support/until';
import { BackgroundLoad } from './background-load';

/** How long until a new deployment is running with all its replicas. Promised: "works again by itself within seconds". */
const RECOVERS_WITHIN_MS = 8_000;
const AWAY_MS = 4_000;
/** Less than the lease of a job. A job that has failed five times meanwhile is put off by up to eight seconds. */
const SETTLES_WITHIN_MS = 13_000;

/** A statement that the database does not answer is given up after 11 seconds. */
const ANSWERS_WITHIN_MS = 20_000;

let counter = 0;

/** Deploys something new once the database is back, and gives the milliseconds until it ran. */
async function recovery(client: Client): Promise<number> {
  const begun = performance.now();
  const name = `after-${++counter}`;
  const id = await until(() => deploy(client, name), { timeoutMs: 20_000, everyMs: 50, what: 'a deploy that is accepted' });
  await untilHealthy(client, id, 30_000);
  return performance.now() - begun;
}

/** Waits for an amount of work and not for a time, so that the fault comes under load on a slow machine too. */
const untilBusy = (load: BackgroundLoad): Promise<unknown> => until(() => load.answers > 50, { timeoutMs: 20_000, what: 'the load' });

/** Every acknowledged deployment runs or is torn down: nothing waits for the lease of a worker that lost its answer. */
async function untilSettled(client: Client, load: BackgroundLoad): Promise<void> {
  const end = performance.now() + SETTLES_WITHIN_MS;
  for (const [id, wish] of load.deployed) {
    const isSettled = async (): Promise<boolean> => {
      const { status, work } = await statusOf(client, id);
      return work === null && ((status === 'running' && wish !== 'deleted') || (status === 'deleted' && wish !== 'wanted'));
    };
    await until(isSettled, { timeoutMs: Math.max(1, end - performance.now()), what: `${id} (${wish}) to settle` });
  }
}

function report(fault: string, load: BackgroundLoad, recoveredMs: number): void {
  const figures = `${JSON.stringify(load.seen)}, slowest answer ${Math.round(load.slowestMs)} ms, a new deployment ran ${Math.round(recoveredMs)} ms after the end of it`;
  process.stdout.write(`${fault}: ${figures}\n`);
}

describe('with a database server', () => {
  let database: TestDatabase;
  let proxy: FaultProxy;
  let product: ProcessUnderTest;
  let client: Client;
  let superuser: Postgres;

  beforeAll(async () => {
    database = await createTestDatabase();
    const real = new URL(database.url);
    proxy = await new FaultProxy({ host: real.hostname, port: Number(real.port) }).start();
    const behind = new URL(database.url);
    behind.port = String(proxy.address.port);
    product = await startProcess({ DATABASE_URL: behind.toString(), SIMULATED_DELAY_MS: '50', LOG_LEVEL: 'warn' });
    client = await adminOf(product);
    superuser = new Postgres({ connectionString: database.url });
    superuser.on('error', () => undefined);
    await superuser.connect();
  });

  afterAll(async () => {
    await superuser?.end();
    await product?.kill('SIGKILL');
    await proxy?.cut();
    await database?.drop();
  });

  /** Runs the fault under load and checks what must hold after any fault. */
  async function survives(fault: string, work: () => Promise<void>): Promise<void> {
    const load = new BackgroundLoad(client, fault).start();
    await untilBusy(load);
    await work();
    if (!product.isAlive) throw new Error(`The program has ended:\n${product.output.slice(-3_000)}`);
    const recoveredMs = await recovery(client);
    await load.stop();
    report(fault, load, recoveredMs);
    expect(load.wrong).toEqual([]);
    expect(load.unavailable).toBeGreaterThan(0);
    expect(load.slowestMs).toBeLessThan(ANSWERS_WITHIN_MS);
    expect(recoveredMs).toBeLessThan(RECOVERS_WITHIN_MS);
    expect(product.isAlive).toBe(true);
    await untilSettled(client, load);
  }

  it('answers 503 with Retry-After while the server is away, and works again by itself', async () => {
    await survives('gone', async () => {
      await proxy.cut();
      await until(async () => (await client.get('/health/ready')).status !== 200, { what: 'the absence to be noticed' });
      expect((await client.get('/health/ready')).status).toBe(503);
      expect((await client.get('/health/live')).status).toBe(200);
      await sleep(AWAY_MS);
      await proxy.restore();
    });
    expect((await client.get('/health/ready')).status).toBe(200);
  });

  it('survives a network that loses everything', async () => {
    await survives('frozen', async () => {
      proxy.freeze();
      await sleep(AWAY_MS + ANSWERS_WITHIN_MS);
      await proxy.restore();
    });
  });

  it('survives every backend being terminated every 150 ms', async () => {
    await survives('terminated', async () => {
      for (let turn = 0; turn < AWAY_MS / 150; turn++) {
        await sleep(150);
        await superuser.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`,
        );
      }
    });
  });

  it('listens again: a delete is answered as soon as its teardown is done, not at the next poll', async () => {
    const times: number[] = [];
    for (let turn = 0; turn < 5; turn++) {
      const id = await deploy(client, `listening-${turn}`);
      await untilHealthy(client, id);
      const answer = await remove(client, id);
      expect(answer).toMatchObject({ status: 200, body: { replicas_stopped: 1, resources_released: true } });
      times.push(answer.ms);
    }
    expect(Math.min(...times)).toBeLessThan(700);
  });

  it('answers a delete with 503 while another session holds the row, changes nothing, and deletes it afterwards', async () => {
    const id = await deploy(client, 'locked');
    await untilHealthy(client, id);
    await superuser.query('BEGIN');
    await superuser.query(`SELECT 1 FROM deployments WHERE id = $1 FOR UPDATE`, [id]);
    const refused = await remove(client, id);
    expect(refused).toMatchObject({ status: 503, headers: { 'retry-after': expect.any(String) as string } });
    expect(refused.ms).toBeLessThan(ANSWERS_WITHIN_MS);
    await superuser.query('ROLLBACK');
    expect(await statusOf(client, id)).toMatchObject({ status: 'running', health: 'healthy' });
    expect(await remove(client, id)).toMatchObject({ status: 200, body: { replicas_stopped: 1, resources_released: true } });
  });

  it('kept every invariant', async () => {
    const dataSource = await openDataSource(database.url, 2);
    try {
      expect(await checkInvariants(dataSource, { graceSeconds: 15 })).toEqual([]);
    } finally {
      await dataSource.destroy();
    }
  });
});

describe('with the embedded database', () => {
  const dataDir = temporaryDataDir();
  let product: ProcessUnderTest;

  afterAll(async () => {
    await product?.kill('SIGTERM');
    dataDir.remove();
  });

  it('starts the database again when it was killed under load', async () => {
    product = await startProcess({ DATA_DIR: dataDir.path, LOG_LEVEL: 'warn' });
    const client = await adminOf(product);
    const load = new BackgroundLoad(client, 'killed').start();
    await untilBusy(load);
    process.kill(postmasterOf(dataDir.path), 'SIGKILL');
    await until(() => load.unavailable > 0, { what: 'the absence to be noticed' });
    const recoveredMs = await recovery(client);
    await load.stop();
    report('embedded, killed', load, recoveredMs);
    expect(load.wrong).toEqual([]);
    expect(recoveredMs).toBeLessThan(RECOVERS_WITHIN_MS);
    await untilSettled(client, load);
  });
});
