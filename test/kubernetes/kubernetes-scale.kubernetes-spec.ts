import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { eachAtATime } from '../../src/common/each-at-a-time';
import { deploy, inStatus, remove, statusOf, untilNoWork } from '../support/deployments-under-test';
import { until } from '../support/until';
import { ApiProxy } from './api-proxy';
import { describeWithCluster } from './cluster-under-test';
import { onKubernetes, ProductOnKubernetes } from './product-on-kubernetes';
import { LEFT_ALONE, SimulatedMachines } from './simulated-machines';

const REPLICAS = Number(process.env.SCALE ?? 1000);
const FOREIGN = 5_000;
const SETTLED_MS = 30_000;
const JOINING_MS = 5_000;
/** At most at any moment, from the first request until all is settled. */
const MORE_MEMORY_MB = 150;

/** Counts of one minute, as the last settled stretch would give them. */
const perMinute = (count: number): number => Math.round((count * 60_000) / SETTLED_MS);

describeWithCluster('a thousand replicas on one cluster', () => {
  let machines: SimulatedMachines;
  let proxy: ApiProxy;
  let product: ProductOnKubernetes;
  let before: Awaited<ReturnType<typeof settledCost>>;
  beforeAll(async () => {
    machines = await SimulatedMachines.start(5, 300);
    proxy = await new ApiProxy().start();
    const environment = { NODE_SYNC_SECONDS: '5', MAX_REPLICAS: String(REPLICAS) };
    product = await ProductOnKubernetes.start(environment, { machines: machines.selector, through: (config) => proxy.through(config) });
    before = await settledCost();
  });
  afterAll(async () => {
    await product?.close();
    await proxy?.close();
    await machines?.close();
  });

  const memory = (name: 'VmRSS' | 'VmHWM'): number => {
    const status = readFileSync(`/proc/${String(product.pid)}/status`, 'utf8');
    return Math.round(Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]) / 1024);
  };
  const cpuSeconds = (): number => {
    const fields =
      readFileSync(`/proc/${String(product.pid)}/stat`, 'utf8')
        .split(') ')[1]
        ?.split(' ') ?? [];
    return (Number(fields[11]) + Number(fields[12])) / 100;
  };
  const statements = async (): Promise<number> => {
    const sql = `SELECT xact_commit AS count FROM pg_stat_database WHERE datname = current_database()`;
    const [row] = await product.dataSource.query<{ count: string }[]>(sql);
    return Number(row?.count);
  };

  /** What the product costs while nothing happens. */
  async function settledCost() {
    const [cpu, sql, requests] = [cpuSeconds(), await statements(), proxy.asked.length];
    await sleep(SETTLED_MS);
    return {
      memoryMb: memory('VmRSS'),
      cpuPercent: Math.round(((cpuSeconds() - cpu) * 100_000) / SETTLED_MS),
      transactionsPerMinute: perMinute((await statements()) - sql),
      requestsPerMinute: perMinute(proxy.asked.length - requests),
    };
  }

  /** Once all run, their Pods still become members of the Service. */
  async function untilAllHaveJoined(): Promise<void> {
    const changes = (): number => proxy.asked.filter((asked) => asked.startsWith('PATCH')).length;
    for (let before = -1; before !== changes();) {
      before = changes();
      await sleep(JOINING_MS);
    }
  }

  it('are placed and seen to run, cost little when settled, and go without a trace', async () => {
    const begun = performance.now();
    const id = await deploy(
      product.client,
      'a-thousand',
      onKubernetes({ replicas: REPLICAS, resources: { cpu: 0.01, memory: 16, storage: 1 } }),
    );
    await until(async () => inStatus(await statusOf(product.client, id), 'running').length === REPLICAS, {
      ...{ timeoutMs: 300_000, everyMs: 500, what: 'all to run' },
    });
    const seconds = (performance.now() - begun) / 1000;
    const asked = proxy.asked.length;
    await untilAllHaveJoined();
    await untilNoWork(product.client, id);
    const settled = { replicas: REPLICAS, seconds: Math.round(seconds), requests: asked, ...(await settledCost()) };
    const moreMemoryMb = memory('VmHWM') - before.memoryMb;
    process.stderr.write(`${JSON.stringify({ before, ...settled, moreMemoryMb })}\n`);
    expect(seconds).toBeLessThanOrEqual(60);
    expect(moreMemoryMb).toBeLessThanOrEqual(MORE_MEMORY_MB);
    // Two lists for each sync, one look at the machines in half a minute, and the watches: none of it grows with the replicas.
    expect(settled.requestsPerMinute).toBeLessThan(120);

    await remove(product.client, id);
    await until(async () => (await product.left()).jobs === 0, { timeoutMs: 300_000, what: 'nothing to be left' });
    await untilNoWork(product.client, id, 120_000);
  }, 900_000);

  it('share it with five thousand Pods of others at little cost', async () => {
    const { core, access } = product.cluster;
    const namespace = `${access.namespace}-others`;
    await core.createNamespace({ body: { metadata: { name: namespace } } });
    await until(async () => (await core.listNamespacedServiceAccount({ namespace })).items.length > 0, { what: 'its service account' });
    const capacity = (await product.node()).cpu_cores;
    await eachAtATime(32, Array(FOREIGN).keys(), async (index) => {
      const nodeName = machines.names[index % machines.names.length];
      const requests = { cpu: '100m', memory: '16Mi' };
      const containers = [{ name: 'other', image: 'other:1', resources: { requests } }];
      await core.createNamespacedPod({
        namespace,
        body: { metadata: { name: `other-${index}`, labels: LEFT_ALONE }, spec: { nodeName, containers } },
      });
    });
    await until(async () => (await product.node()).cpu_cores === capacity - FOREIGN / 10, {
      ...{ timeoutMs: 90_000, what: 'what they ask for to be taken off' },
    });
    const after = await settledCost();
    process.stderr.write(`${JSON.stringify({ before, foreign: FOREIGN, after })}\n`);
    expect(after.memoryMb - before.memoryMb).toBeLessThanOrEqual(MORE_MEMORY_MB);
    expect(after.requestsPerMinute - before.requestsPerMinute).toBeLessThan(60);
    await core.deleteNamespace({ name: namespace });
  }, 900_000);
});
