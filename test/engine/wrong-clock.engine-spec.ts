import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '../support/client';
import { deploy, remove, statusOf, untilHealthy } from '../support/deployments-under-test';
import { describeWithEngine } from '../support/engine';
import { until } from '../support/until';
import { startEngineProxy, type EngineProxy } from './docker-engine-proxy';
import { onDocker, ProductOnDocker } from './product-on-docker';

interface Shown {
  readonly status: string;
  readonly attempt: number;
  readonly started_at: string | null;
  readonly stopped_at: string | null;
}

const MINUTE_MS = 60_000;

describeWithEngine('an engine whose clock is wrong', () => {
  let proxy: EngineProxy;
  let product: ProductOnDocker;
  let client: Client;
  beforeAll(async () => {
    proxy = await startEngineProxy();
    product = await ProductOnDocker.start({ environment: { DOCKER_HOST: proxy.endpoint } });
    ({ client } = product);
  });
  afterAll(async () => {
    await product?.close();
    await proxy?.close();
  });

  const replicasOf = async (id: string): Promise<Shown[]> => (await statusOf(client, id)).replicas as unknown as Shown[];

  it.each([
    ['15 minutes behind', -15 * MINUTE_MS],
    ['an hour ahead', 60 * MINUTE_MS],
  ])('%s: a crash loop is slowed down as ever, and no time is impossible', async (name, clockAheadMs) => {
    proxy.interfere = (asked) => (asked === 'GET json' || asked === 'GET list' ? { clockAheadMs } : 'pass');
    const begun = Date.now();
    const id = await deploy(client, `loop-${name.replaceAll(' ', '-')}`, onDocker({ command: ['sh', '-c', 'sleep 3; exit 1'] }));
    await sleep(25_000); // a loop that is not slowed down makes six or more in this time
    const replicas = await replicasOf(id);
    expect(replicas.length).toBeLessThanOrEqual(4);
    // Attempts that were counted by the wrong clock stayed at 1.
    await until(async () => (await replicasOf(id)).some(({ attempt }) => attempt >= 2), { what: 'a second attempt' });
    for (const { started_at: started, stopped_at: stopped } of replicas) {
      if (started === null) continue;
      expect(Date.parse(started)).toBeGreaterThanOrEqual(begun - 1_000);
      expect(Date.parse(started)).toBeLessThanOrEqual(stopped === null ? Date.now() + 1_000 : Date.parse(stopped));
    }
    await remove(client, id);
  });

  it('an hour ahead: what runs, runs on', async () => {
    proxy.interfere = (asked) => (asked === 'GET json' || asked === 'GET list' ? { clockAheadMs: 60 * MINUTE_MS } : 'pass');
    const id = await deploy(client, 'steady', onDocker());
    await untilHealthy(client, id, 30_000);
    const before = await replicasOf(id);
    await sleep(6_000); // three syncs
    expect(await replicasOf(id)).toMatchObject(before.map(({ started_at }) => ({ status: 'running', started_at })));
    await remove(client, id);
  });
});
