import type Docker from 'dockerode';
import { LABEL } from '../../src/runtime/docker/docker-labels';
import { askRoute } from '../support/ask-route';
import type { Client } from '../support/client';
import { deploy, inStatus, remove, statusOf, untilHealthy } from '../support/deployments-under-test';
import { engineClient, loadTestImage, removeContainersOf } from '../support/engine';
import { describeWithHaproxy, HaproxyUnderTest } from '../support/haproxy';
import type { ProcessUnderTest } from '../support/process-under-test';
import { freePort } from '../support/program';
import { describeWithTwoEngines, SecondEngine } from '../support/second-engine';
import { LOADED, serving } from '../support/serving';
import { SteadyLoad } from '../support/steady-load';
import { until } from '../support/until';
import { onDocker, ProductOnDocker } from './product-on-docker';

const HOST = 'moved.admin.localhost';
const REQUESTS = 20_000;
/** Where the machine of the test reaches the second engine, whose network is its own. */
const FAR_SIDE = '198.19.62.2';

/** HAProxy and the built-in router before the replicas of two engines, each under a load of its own. */
describeWithHaproxy('routes over two engines', () => {
  describeWithTwoEngines('routes over two engines', () => {
    let product: ProductOnDocker;
    let other: SecondEngine;
    let elsewhere: Docker;
    let client: Client;
    let haproxy: HaproxyUnderTest;
    /** One leads HAProxy, the other stands by. */
    const leaders: ProcessUnderTest[] = [];
    let spare: ProcessUnderTest;
    const nodes = { first: '', second: '' };
    const port = { builtin: 0, spare: 0 };
    const roleOf = (): { leader: Record<string, string>; spare: Record<string, string> } => ({
      leader: {
        ...{ ROLE: 'router', LOAD_BALANCER: 'haproxy', ROUTER_PORT: String(haproxy.port) },
        ...{ HAPROXY_FOLDER: haproxy.folder, HAPROXY_MASTER_SOCKET: `${haproxy.folder}/master.sock` },
      },
      spare: { ROLE: 'router', LOAD_BALANCER: 'builtin', ROUTER_PORT: String(port.spare) },
    });

    beforeAll(async () => {
      other = await SecondEngine.start({ ownIdentity: true });
      other.joinMachine({ near: '198.19.62.1/30', far: `${FAR_SIDE}/30` });
      elsewhere = engineClient(other.dockerHost);
      await loadTestImage(elsewhere);
      product = await ProductOnDocker.start({ environment: { PUBLISH_ADDRESS: '0.0.0.0' } });
      ({ client } = product);
      nodes.first = ((await client.get('/api/nodes')).body as { id: string }[])[0]?.id ?? '';
      const second = { name: 'second', region: 'us-east', runtime: 'docker', endpoint: other.dockerHost, address: FAR_SIDE };
      const made = await client.post('/api/nodes', second);
      expect([made.status, made.body]).toEqual([201, expect.anything()]);
      nodes.second = (made.body as { id: string }).id;
      haproxy = await HaproxyUnderTest.prepare();
      [port.builtin, port.spare] = [await freePort(), await freePort()];
      for (let n = 0; n < 2; n++) leaders.push(await product.alsoStart(roleOf().leader));
      spare = await product.alsoStart(roleOf().spare);
      await product.alsoStart({ ROLE: 'router', LOAD_BALANCER: 'builtin', ROUTER_PORT: String(port.builtin) });
      await haproxy.start();
    });
    afterAll(async () => {
      await product?.kill();
      if (elsewhere && product) await removeContainersOf(elsewhere, product.installationId);
      await product?.close();
      await haproxy?.close();
      await other?.close();
    });

    const isOn = (id: string): Promise<unknown[]> => elsewhere.listContainers({ filters: { label: [`${LABEL.deployment}=${id}`] } });
    const untilOn = (id: string, counts: { here: number; there: number }): Promise<unknown> =>
      until(
        async () => {
          const { routes } = (await statusOf(client, id)) as unknown as { routes: { backends: number }[] };
          const [here, there] = [(await product.containers(id)).length, (await isOn(id)).length];
          return here === counts.here && there === counts.there && routes[0]?.backends === counts.here + counts.there;
        },
        { timeoutMs: 90_000, what: `${String(counts.here)} replicas here and ${String(counts.there)} there` },
      );
    const drain = async (id: string): Promise<void> => {
      expect((await client.patch(`/api/nodes/${id}`, { draining: true })).status).toBe(200);
    };
    const open = async (id: string): Promise<void> => {
      expect((await client.patch(`/api/nodes/${id}`, { cordoned: false })).status).toBe(200);
    };

    it('lose no request of 20,000 each while nodes are drained, and the processes that lead routers are killed and replaced', async () => {
      let shown: unknown;
      const isThere = async (): Promise<boolean> => {
        shown = (await client.get(`/api/nodes/${nodes.second}`)).body;
        return (shown as { status: string }).status !== 'offline';
      };
      await until(isThere, { what: 'the second engine to answer' }).catch((error: unknown) => {
        throw new Error(JSON.stringify(shown), { cause: error });
      });
      const web = onDocker({
        ...{
          command: serving('hello'),
          resources: LOADED,
          ports: [{ container_port: 8080, protocol: 'tcp' }],
          routes: [{ port: 8080 }],
          replicas: 2,
        },
        ...{ health_check: { http: { port: 8080, path: '/' }, interval_seconds: 1 } },
      });
      const id = await deploy(client, 'moved', web);
      expect(inStatus(await untilHealthy(client, id), 'running')).toHaveLength(2);
      await untilOn(id, { here: 1, there: 1 });
      await until(
        async () => (await Promise.all([haproxy.port, port.builtin].map((each) => askRoute(each, HOST)))).every((status) => status === 200),
        {
          what: 'both to answer',
        },
      );
      const loads = [new SteadyLoad(haproxy.port, HOST), new SteadyLoad(port.builtin, HOST)];

      await drain(nodes.second);
      await untilOn(id, { here: 2, there: 0 });
      await open(nodes.second);
      await leaders[0]?.kill('SIGKILL');
      await spare.kill('SIGKILL');
      await drain(nodes.first);
      await untilOn(id, { here: 0, there: 2 });
      await product.alsoStart(roleOf().leader);
      await product.alsoStart(roleOf().spare);
      await open(nodes.first);
      await leaders[1]?.kill('SIGTERM');
      await drain(nodes.second);
      await untilOn(id, { here: 2, there: 0 });
      await until(() => loads.every(({ sent }) => sent >= REQUESTS), { timeoutMs: 900_000, what: `${String(REQUESTS)} requests each` });
      await Promise.all(loads.map((load) => load.stop()));

      const words = loads.map(({ failures, sent }) => `${String(failures.length)} of ${String(sent)}`);
      process.stderr.write(`two engines: ${words[0]} requests failed by HAProxy, ${words[1]} by the built-in router\n`);
      expect(loads.map(({ failures }) => failures)).toEqual([[], []]);
      expect((await remove(client, id)).status).toBe(200);
    }, 1_000_000);
  });
});
