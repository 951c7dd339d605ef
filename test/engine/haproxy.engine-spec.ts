import { askHaproxy } from '../../src/routing/haproxy/command-socket';
import type { Client } from '../support/client';
import { deploy, remove, statusOf, untilHealthy } from '../support/deployments-under-test';
import { describeWithEngine } from '../support/engine';
import { describeWithHaproxy, HaproxyUnderTest } from '../support/haproxy';
import { LOADED, serving, servingNothing } from '../support/serving';
import { SteadyLoad } from '../support/steady-load';
import { until } from '../support/until';
import { onDocker, ProductOnDocker } from './product-on-docker';

const HOST = 'steady.admin.localhost';
const REQUESTS = 20_000;

describeWithHaproxy('HAProxy before a real engine', () => {
  describeWithEngine('HAProxy before a real engine', () => {
    let product: ProductOnDocker;
    let client: Client;
    let haproxy: HaproxyUnderTest;

    beforeAll(async () => {
      product = await ProductOnDocker.start();
      ({ client } = product);
      haproxy = await HaproxyUnderTest.prepare();
      const { folder, port } = haproxy;
      await product.alsoStart({
        ...{ ROLE: 'router', LOAD_BALANCER: 'haproxy', ROUTER_PORT: String(port) },
        ...{ HAPROXY_FOLDER: folder, HAPROXY_MASTER_SOCKET: `${folder}/master.sock`, HAPROXY_BACKENDS: '1' },
      });
      await haproxy.start();
    });
    afterAll(async () => {
      await product?.close();
      await haproxy?.close();
    });

    const untilActive = (id: string, backends: number): Promise<unknown> =>
      until(
        async () => {
          const { routes } = (await statusOf(client, id)) as unknown as { routes: { backends: number }[] };
          return routes.every((route) => route.backends === backends);
        },
        { what: `${String(backends)} replicas to answer` },
      );
    const finished = (id: string): Promise<{ state: string }> =>
      until(
        async () => {
          const { body } = await client.get(`/api/deployment/${id}/rollout`);
          const shown = body as { state: string; finished_at: string | null };
          return shown.finished_at === null ? null : shown;
        },
        { timeoutMs: 120_000, everyMs: 100, what: 'the rollout to be finished' },
      );
    const show = (line: string): Promise<string> => askHaproxy(`${haproxy.folder}/admin.sock`, line);

    it('loses no request of 20,000 while all that is ours changes, and HAProxy is reloaded', async () => {
      const web = onDocker({
        ...{ command: serving('first'), ports: [{ container_port: 8080, protocol: 'tcp' }], routes: [{ port: 8080 }], replicas: 2 },
        resources: LOADED,
        ...{ health_check: { http: { port: 8080, path: '/' }, interval_seconds: 1 }, rollout: { min_healthy_seconds: 1 } },
      });
      const id = await deploy(client, 'steady', web);
      await untilHealthy(client, id, 60_000);
      await untilActive(id, 2);
      await until(async () => (await show('show stat -1 4 -1')).split('no check').length === 3, { what: 'HAProxy to have both' });
      const load = new SteadyLoad(haproxy.port, HOST);

      await client.post(`/api/deployment/scale/${id}`, { replicas: 4 });
      await untilActive(id, 4);
      await client.post(`/api/deployment/scale/${id}`, { replicas: 2 });
      await untilActive(id, 2);
      await until(async () => (await product.containers(id)).length === 2, { what: 'the surplus to be gone' });

      expect((await client.patch(`/api/deployment/${id}`, { command: serving('second') })).status).toBe(202);
      expect((await finished(id)).state).toBe('completed');
      expect((await client.patch(`/api/deployment/${id}`, { command: servingNothing() })).status).toBe(202);
      expect((await finished(id)).state).toBe('rolled_back');

      await product.kill();
      await product.startAgain();
      ({ client } = product);
      // The second deployment needs a second backend, and so a reload.
      const processes = async (): Promise<string> => /Pid: (\d+)/.exec(await show('show info'))?.[1] ?? '';
      const before = await processes();
      const other = await deploy(client, 'other', { ...web, replicas: 1 });
      await until(async () => (await processes()) !== before, { what: 'the reload' });
      expect(await remove(client, other)).toMatchObject({ status: 200 });
      await until(() => load.sent >= REQUESTS, { timeoutMs: 120_000, what: `${String(REQUESTS)} requests` });
      await load.stop();

      process.stderr.write(`HAProxy: ${String(load.failures.length)} of ${String(load.sent)} requests failed\n`);
      expect(load.failures).toEqual([]);
      expect(await remove(client, id)).toMatchObject({ status: 200 });
    });
  });
});
