import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client as Postgres } from 'pg';
import { checkInvariants } from '../../src/invariants/check-invariants';
import type { Client } from '../support/client';
import { deploy, remove, statusOf, untilHealthy } from '../support/deployments-under-test';
import { openDataSource } from '../support/open-data-source';
import { adminOf, startProcess, type ProcessUnderTest } from '../support/process-under-test';
import { fill, mountSmallDisk, type SmallDisk } from '../support/small-disk';
import { until } from '../support/until';
import { doneTooOften, lostPromises } from './crash-ledger';
import { CrashLoad } from './crash-load';

const SIZE_KB = 256 * 1024;
const LOOPS = 4;
const RECOVERS_WITHIN_MS = 15_000;

function urlOfEmbedded(dataDir: string): string {
  const port = readFileSync(join(dataDir, 'postgres/data/postmaster.pid'), 'utf8').split('\n')[3] ?? '';
  const password = readFileSync(join(dataDir, 'postgres/password'), 'utf8').trim();
  return `postgres://fog:${password}@127.0.0.1:${port}/fog_compute`;
}

const attempt = mountSmallDisk(SIZE_KB);
if (typeof attempt === 'string') process.stderr.write(`\nSKIPPED: the database on a full disk: ${attempt}\n\n`);
else attempt.unmount();

(typeof attempt === 'string' ? describe.skip : describe)('the embedded database on a disk that is full', () => {
  let disk: SmallDisk;
  let product: ProcessUnderTest;
  let client: Client;
  let load: CrashLoad;
  let work: Promise<void>;
  let url: string;
  let id: string;
  let giveBack: () => void = () => undefined;

  beforeAll(async () => {
    disk = mountSmallDisk(SIZE_KB) as SmallDisk;
    const dataDir = join(disk.path, 'data');
    product = await startProcess({ DATA_DIR: dataDir, LOG_LEVEL: 'warn' });
    client = await adminOf(product);
    url = urlOfEmbedded(dataDir);
    id = await deploy(client, 'before');
    await untilHealthy(client, id);
    load = new CrashLoad(() => client);
    work = load.run(LOOPS);
    await until(() => load.figures.acknowledged > 40, { timeoutMs: 30_000, what: 'work' });
    giveBack = fill(disk.path);
  });

  afterAll(async () => {
    load?.stop();
    await product?.kill('SIGTERM');
    disk?.unmount();
  });

  it('answers writes that find no room with 503, and reads as ever', async () => {
    await until(() => load.figures.toldToRetry > 0, { timeoutMs: 60_000, everyMs: 5, what: 'the first 503' });
    expect(await statusOf(client, id)).toMatchObject({ status: 'running' });
    expect((await client.get('/api/deployment/list')).status).toBe(200);
    expect((await client.get('/health/live')).status).toBe(200);
  });

  it('outlives a server that gives up because it cannot write its log', async () => {
    const other = new Postgres({ connectionString: url });
    other.on('error', () => undefined);
    await other.connect();
    const crash = async (): Promise<void> => {
      for (;;) await other.query(`SELECT pg_logical_emit_message(true, 'filler', repeat('x', 1000000))`);
    };
    await expect(crash()).rejects.toThrow();
    await other.end().catch(() => undefined);
    await sleep(3_000); // meanwhile the server is started again and again, without room
    expect((await client.get('/health/live')).status).toBe(200);
    expect((await client.get('/health/ready')).status).toBe(503);
    expect(product.isAlive).toBe(true);
  });

  it('works again by itself as soon as there is room', async () => {
    const begun = performance.now();
    giveBack();
    const after = await until(() => deploy(client, 'after'), { timeoutMs: 60_000, what: 'a deploy that is accepted' });
    await untilHealthy(client, after);
    const ms = performance.now() - begun;
    load.stop();
    await work;
    process.stdout.write(`full disk: ${JSON.stringify(load.figures)}, a new deployment ran ${Math.round(ms)} ms after there was room\n`);
    expect(ms).toBeLessThan(RECOVERS_WITHIN_MS);
    expect(load.wrong).toEqual([]);
    expect(await remove(client, id)).toMatchObject({ status: 200, body: { resources_released: true } });
    expect(await remove(client, after)).toMatchObject({ status: 200, body: { resources_released: true } });
  });

  it('has lost nothing that was acknowledged, and kept every invariant', async () => {
    const dataSource = await openDataSource(url, 2);
    try {
      expect(await lostPromises(dataSource, load.ledger)).toEqual([]);
      const own = (await doneTooOften(dataSource, load.ledger)).filter((words) => !/^(before|after):/.test(words));
      expect(own).toEqual([]);
      expect(await checkInvariants(dataSource, { graceSeconds: 15 })).toEqual([]);
    } finally {
      await dataSource.destroy();
    }
    expect(existsSync(join(disk.path, 'filler'))).toBe(false);
  });
});
