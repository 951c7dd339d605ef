import { setTimeout as sleep } from 'node:timers/promises';
import { askRoute } from '../support/ask-route';
import type { Client } from '../support/client';
import { deploy, remove, statusOf, untilHealthy } from '../support/deployments-under-test';
import { describeWithEngine } from '../support/engine';
import { freePort } from '../support/program';
import { LOADED, serving } from '../support/serving';
import { SteadyLoad } from '../support/steady-load';
import { until } from '../support/until';
import { onDocker, ProductOnDocker } from './product-on-docker';

const WEB = onDocker({
  ...{ command: serving('hello'), resources: LOADED },
  ...{ ports: [{ container_port: 8080 }], routes: [{ port: 8080 }], replicas: 2 },
});
/** Longer than a process waits for a connection, and than the server takes for a statement. */
const FROZEN_MS = 14_000;

describeWithEngine('routes while the database is away', () => {
  let product: ProductOnDocker;
  let client: Client;
  beforeAll(async () => {
    product = await ProductOnDocker.start();
    ({ client } = product);
  });
  let load: SteadyLoad | undefined;
  afterAll(async () => {
    await load?.stop();
    await product?.close();
  });

  const backends = async (id: string): Promise<number> => {
    const { routes } = (await statusOf(client, id)) as unknown as { routes: { backends: number }[] };
    return routes[0]?.backends ?? 0;
  };

  it('lose no request, cut off or frozen, and follow changes as soon as it is back', async () => {
    const port = await freePort();
    const router = await product.alsoStart({ ROLE: 'router', LOAD_BALANCER: 'builtin', ROUTER_PORT: String(port) });
    const id = await deploy(client, 'served', WEB);
    await untilHealthy(client, id, 60_000);
    await until(async () => (await backends(id)) === 2, { what: 'two replicas to answer' });
    const host = 'served.admin.localhost';
    await until(async () => (await askRoute(port, host)) === 200, { what: 'the route' });

    const requests = (load = new SteadyLoad(port, host));
    const untilMore = async (): Promise<void> => {
      const before = requests.sent;
      await until(() => requests.sent > before + 1_000, { what: 'a thousand requests more' });
    };
    await product.database.cut();
    await until(async () => (await client.get('/health/ready')).status === 503, { what: 'the absence to be noticed' });
    await untilMore();
    await product.database.restore();
    await until(async () => (await client.get('/health/ready')).status === 200, { what: 'the return to be noticed' });

    product.database.freeze();
    await Promise.all([untilMore(), sleep(FROZEN_MS)]);
    await product.database.restore();
    await until(async () => (await client.get('/health/ready')).status === 200, { timeoutMs: 30_000, what: 'the return to be noticed' });

    // Connections that broke in the freeze are found one by one, each by a request that is answered 503. No router could report for longer
    // than the time after which one counts as gone; what leaves at once is not ended before they have heard of it.
    for (const replicas of [1, 3]) {
      const scales = async (): Promise<boolean> => (await client.post(`/api/deployment/scale/${id}`, { replicas })).status < 300;
      await until(scales, { what: 'the scaling to be accepted' });
      await until(async () => (await backends(id)) === replicas, { timeoutMs: 60_000, what: `${String(replicas)} replicas to answer` });
      await untilMore();
    }
    await requests.stop();
    process.stderr.write(`database away: ${String(requests.failures.length)} of ${String(requests.sent)} requests failed\n`);
    expect(requests.failures).toEqual([]);
    expect(router.isAlive).toBe(true);
    await remove(client, id);
  });
});
