import { DriverError, type RuntimeDriver } from '../../src/runtime/runtime-driver';
import { Runtimes } from '../../src/runtime/runtimes';
import { deploy, settles } from '../support/deployments';
import { aNode } from '../support/rows';
import { startTestApp, type TestApp } from '../support/test-app';
import { until } from '../support/until';

/** Before a release: `SILENT_NODES=400 HUNG_DELETES=150 npx jest test/faults/silent-nodes`. */
const SILENT_NODES = Number(process.env.SILENT_NODES ?? '200');
const HUNG_DELETES = Number(process.env.HUNG_DELETES ?? '60');
const HUNG_IMAGE = 'hung.example/app:1';

/** An engine that hangs accepts a call and says nothing; the client gives up after four seconds, or when the call is called off. */
function silence(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const timer = setTimeout(() => reject(new DriverError('unreachable', 'The engine of this node does not answer')), 4_000);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(new DriverError('aborted', 'The work was called off'));
    });
  });
}

/** Makes the engines of some nodes hang. The set may change at any time. */
function hang(t: TestApp, hung: ReadonlySet<string>): void {
  const driver: RuntimeDriver = t.app.get(Runtimes, { strict: false }).driverFor('simulated')!;
  const { info, list, find, ensure, remove, watch } = driver;
  driver.info = (node, signal) => (hung.has(node.id) ? silence(signal) : info.call(driver, node, signal));
  driver.list = (node, filter, signal) => (hung.has(node.id) ? silence(signal) : list.call(driver, node, filter, signal));
  driver.find = (node, id, signal) => (hung.has(node.id) ? silence(signal) : find.call(driver, node, id, signal));
  driver.ensure = (node, spec, options) => (hung.has(node.id) ? silence(options.signal) : ensure.call(driver, node, spec, options));
  driver.remove = (node, id, options) => (hung.has(node.id) ? silence(options.signal) : remove.call(driver, node, id, options));
  driver.watch = (node, onChange, signal) => (hung.has(node.id) ? silence(signal) : watch.call(driver, node, onChange, signal));
}

const median = (times: readonly number[]): number => [...times].sort((one, other) => one - other)[Math.floor(times.length / 2)] ?? Infinity;

describe(`${SILENT_NODES} nodes whose engines accept calls and never answer, beside three that do`, () => {
  const OFFLINE_AFTER_SECONDS = 30;
  let t: TestApp;
  const silent = new Set<string>();
  beforeAll(async () => {
    t = await startTestApp({ env: { NODE_SYNC_SECONDS: '1', NODE_OFFLINE_AFTER_SECONDS: String(OFFLINE_AFTER_SECONDS) } });
    hang(t, silent);
    for (let n = 0; n < SILENT_NODES; n++) silent.add(await aNode(t.dataSource, { name: `silent-${n}`, region: 'nowhere' }));
    await t.dataSource.query(`INSERT INTO jobs (kind, key) SELECT 'node.sync', id::text FROM nodes ON CONFLICT DO NOTHING`);
  });
  afterAll(() => t?.close());

  it('do not age the heartbeats of the others, which stay online and run what is deployed', async () => {
    const ages: number[] = [];
    const look = async (): Promise<number> => {
      const [seen] = await t.dataSource.query<[{ age: number; offline: number }]>(
        `SELECT max(extract(epoch FROM clock_timestamp() - last_heartbeat)) FILTER (WHERE region <> 'nowhere')::float8 AS age,
                count(*) FILTER (WHERE region = 'nowhere' AND last_error IS NOT NULL)::int AS offline FROM nodes`,
      );
      ages.push(seen.age);
      return seen.offline;
    };
    await until(async () => (await look()) === SILENT_NODES, { what: 'every silent node to be known as silent', timeoutMs: 90_000 });
    const id = await deploy(t, 'ada', { replicas: 2 });
    await settles(t, 'ada', id);
    await look();
    process.stdout.write(`silent nodes: the oldest heartbeat of the others was ${Math.max(...ages).toFixed(1)} s old\n`);
    expect(Math.max(...ages)).toBeLessThan(OFFLINE_AFTER_SECONDS);
  });
});

describe(`an engine that hangs while ${HUNG_DELETES} deployments on it are deleted`, () => {
  let t: TestApp;
  const hung = new Set<string>();
  beforeAll(async () => {
    t = await startTestApp();
    hang(t, hung);
  });
  afterAll(() => t?.close());

  const startsIn = async (name: string): Promise<number> => {
    const begun = performance.now();
    const id = await deploy(t, 'eve', { name, region: 'us-east' });
    await settles(t, 'eve', id);
    return performance.now() - begun;
  };

  it('delays no deployment elsewhere', async () => {
    const node = await aNode(t.dataSource, { name: 'hangs', region: 'far', cpu_cores: 1_000, memory_mb: 4_000_000, storage_gb: 10_000 });
    const [{ others }] = await t.dataSource.query<[{ others: string[] }]>(`SELECT json_agg(id) AS others FROM nodes WHERE id <> $1`, [
      node,
    ]);
    await t.dataSource.query(`UPDATE nodes SET cordoned = true WHERE id = ANY($1::uuid[])`, [others]);
    const ids = await Promise.all(
      Array.from({ length: HUNG_DELETES }, (_, n) => deploy(t, 'ada', { name: `hung-${n}`, region: 'far', container_image: HUNG_IMAGE })),
    );
    for (const id of ids) await settles(t, 'ada', id);
    await t.dataSource.query(`UPDATE nodes SET cordoned = (id = $1)`, [node]);
    const quiet: number[] = [];
    for (let n = 0; n < 9; n++) quiet.push(await startsIn(`quiet-${n}`));

    hung.add(node);
    await Promise.all(ids.map((id) => t.as('ada').delete(`/api/deployment/${id}?wait=0`).expect(202)));
    const beside: number[] = [];
    for (let n = 0; n < 15; n++) beside.push(await startsIn(`beside-${n}`));
    process.stdout.write(
      `a hung engine: deploy to running p50 ${median(quiet).toFixed(0)} ms, beside it ${median(beside).toFixed(0)} ms\n`,
    );
    // The calls of the client take four seconds each, and nobody else may wait for them.
    expect(median(beside)).toBeLessThan(2 * median(quiet) + 1_500);
    hung.clear();
    for (const id of ids) {
      await until(async () => (await t.as('ada').get(`/api/deployment/status/${id}?include_deleted=true`)).body.work === null, {
        what: 'the teardown once the engine answers again',
        timeoutMs: 90_000,
      });
    }
  });
});
