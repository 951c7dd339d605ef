import { setTimeout as sleep } from 'node:timers/promises';
import { inTransaction } from '../../src/database/transaction';
import { deploy, reaches } from '../support/deployments';
import { aNode } from '../support/rows';
import { startTestApp, type TestApp } from '../support/test-app';
import { until } from '../support/until';

/** Before a release: `BULK_DELETES=5000 CRASHING=1000 npx jest test/faults/fairness`. */
const BULK_DELETES = Number(process.env.BULK_DELETES ?? '800');
const CRASHING = Number(process.env.CRASHING ?? '150');
const ENV = { SIMULATED_DELAY_MS: '400', BULK_DELETE_MAX_SHARE_PERCENT: '100' };

const median = (times: readonly number[]): number => [...times].sort((one, other) => one - other)[Math.floor(times.length / 2)] ?? Infinity;
const inMs = (times: readonly number[]): string => `${median(times).toFixed(0)} ms`;

describe(`an owner with ${BULK_DELETES} bulk deletes and ${CRASHING} crashing deployments`, () => {
  let t: TestApp;
  beforeAll(async () => {
    t = await startTestApp({ env: ENV });
    for (let n = 0; n < 4; n++) await aNode(t.dataSource, { cpu_cores: 4_000, memory_mb: 16_000_000, storage_gb: 100_000 });
    await t.dataSource.query(`INSERT INTO jobs (kind, key) SELECT 'node.sync', id::text FROM nodes ON CONFLICT DO NOTHING`);
  });
  afterAll(() => t?.close());

  const left = async (): Promise<number> => {
    const [row] = await t.dataSource.query<[{ count: number }]>(
      `SELECT count(*)::int AS count FROM jobs WHERE kind = 'deployment.reconcile' AND due_at <= now() AND lease_until IS NULL`,
    );
    return row.count;
  };

  const cycle = async (): Promise<{ start: number; teardown: number }> => {
    const begun = performance.now();
    const id = await deploy(t, 'eve');
    await reaches(t, 'eve', id, 'running', undefined, { timeoutMs: 60_000 });
    const running = performance.now();
    await t.as('eve').delete(`/api/deployment/${id}?wait=60`).expect(200);
    return { start: running - begun, teardown: performance.now() - running };
  };

  it('keeps another owner waiting no longer than its own work takes', async () => {
    const names = Array.from({ length: BULK_DELETES }, (_, n) => `bulk-${n}`);
    const ids: string[] = [];
    for (let n = 0; n < names.length; n += 16)
      ids.push(...(await Promise.all(names.slice(n, n + 16).map((name) => deploy(t, 'ada', { name })))));
    await until(async () => (await t.dataSource.query(`SELECT 1 FROM deployments WHERE status <> 'running' LIMIT 1`)).length === 0, {
      what: 'all to run',
      timeoutMs: 180_000,
    });
    const quiet = [];
    for (let n = 0; n < 5; n++) quiet.push(await cycle());

    for (let n = 0; n < CRASHING; n += 16) {
      const some = Array.from({ length: Math.min(16, CRASHING - n) }, (_, m) => `crash-${n + m}`);
      await Promise.all(some.map((name) => deploy(t, 'ada', { name, container_image: 'simulated/crash:1' })));
    }
    for (let n = 0; n < ids.length; n += 1_000) {
      const { status } = await t
        .as('ada')
        .post('/api/deployment/bulk-delete')
        .send({ ids: ids.slice(n, n + 1_000), wait: 0 });
      expect([200, 202]).toContain(status);
    }
    await until(async () => (await left()) > BULK_DELETES / 4, { what: 'a backlog', timeoutMs: 60_000 });
    const busy = [];
    const backlogs: number[] = [];
    while (busy.length < 8 && (await left()) > 50) {
      backlogs.push(await left());
      busy.push(await cycle());
    }
    process.stdout.write(
      `fairness: beside a backlog of ${Math.max(...backlogs)} to ${Math.min(...backlogs)} jobs of another owner, ` +
        `deploy to running p50 ${inMs(busy.map(({ start }) => start))} (quiet ${inMs(quiet.map(({ start }) => start))}), ` +
        `teardown p50 ${inMs(busy.map(({ teardown }) => teardown))} (quiet ${inMs(quiet.map(({ teardown }) => teardown))})\n`,
    );
    expect(busy.length).toBeGreaterThan(1);
    // Twice is the promise on a machine without other load. Behind the backlog it would be 20 times and more.
    for (const part of ['start', 'teardown'] as const) {
      expect(median(busy.map((each) => each[part]))).toBeLessThan(5 * median(quiet.map((each) => each[part])) + 500);
    }
  }, 400_000);
});

describe('a locked row of one node', () => {
  let t: TestApp;
  beforeAll(async () => {
    t = await startTestApp();
  });
  afterAll(() => t?.close());

  it('keeps no reader waiting, although work in the background and changes hang on it', async () => {
    const id = await deploy(t, 'eve');
    await reaches(t, 'eve', id, 'running');
    const read = async (): Promise<number> => {
      const begun = performance.now();
      await t.as('eve').get(`/api/deployment/status/${id}`).expect(200);
      return performance.now() - begun;
    };
    const others = await Promise.all(Array.from({ length: 40 }, (_, n) => deploy(t, 'ada', { name: `other-${n}` })));
    for (const other of others) await reaches(t, 'ada', other, 'running', undefined, { timeoutMs: 60_000 });
    const slowest: number[] = [];
    await inTransaction(t.dataSource, async (tx) => {
      await tx.query('SELECT 1 FROM nodes ORDER BY id FOR UPDATE');
      // Each teardown, and each scaling, waits for the row of its node.
      const hanging = others.map((other, n) =>
        n % 2 === 0
          ? t.as('ada').delete(`/api/deployment/${other}?wait=0`)
          : t.as('ada').post(`/api/deployment/scale/${other}`).send({ replicas: 2 }),
      );
      const ended = Promise.allSettled(hanging.map((request) => request.then(() => undefined)));
      await sleep(1_000);
      for (let n = 0; n < 30; n++) slowest.push(await read());
      void ended;
    });
    process.stdout.write(`a locked row: the slowest of 30 reads took ${Math.max(...slowest).toFixed(0)} ms\n`);
    // Whoever waits for the row waits five seconds. A read waits for nobody.
    expect(Math.max(...slowest)).toBeLessThan(2_500);
    for (const other of others) {
      await t.as('ada').delete(`/api/deployment/${other}?wait=0`);
    }
  });
});
