import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { askRoute } from '../support/ask-route';
import { deploy, remove, untilHealthy } from '../support/deployments-under-test';
import { describeWithEngine } from '../support/engine';
import { describeWithHaproxy } from '../support/haproxy';
import type { ProcessUnderTest } from '../support/process-under-test';
import { freePort } from '../support/program';
import { LOADED, serving } from '../support/serving';
import { SteadyLoad } from '../support/steady-load';
import { until } from '../support/until';
import { onDocker, ProductOnDocker } from './product-on-docker';

const HOST = 'served.admin.localhost';

/** As docs/routes.md has it. */
const configurationOf = (port: number, routers: readonly number[]): string => `
defaults
  mode http
  timeout connect 2s
  timeout client 1m
  timeout server 1m
  option http-server-close
  option redispatch 1
  retries 3
frontend web
  bind 127.0.0.1:${String(port)}
  default_backend routers
backend routers
  option httpchk OPTIONS *
  timeout check 2s
  default-server check inter 500ms fall 1
${routers.map((router) => `  server router-${String(router)} 127.0.0.1:${String(router)}`).join('\n')}
`;

describeWithHaproxy('two routers behind a proxy', () => {
  describeWithEngine('two routers behind a proxy', () => {
    let product: ProductOnDocker;
    let proxy: ChildProcess | undefined;
    let folder: string;
    let port: number;
    const routers: { port: number; process: ProcessUnderTest }[] = [];
    const startRouter = (at: number): Promise<ProcessUnderTest> =>
      product.alsoStart({ ROLE: 'router', LOAD_BALANCER: 'builtin', ROUTER_PORT: String(at) });

    beforeAll(async () => {
      product = await ProductOnDocker.start();
      for (let n = 0; n < 2; n++) {
        const at = await freePort();
        routers.push({ port: at, process: await startRouter(at) });
      }
      port = await freePort();
      folder = await mkdtemp(join(tmpdir(), 'fog-proxy-'));
      const file = join(folder, 'proxy.cfg');
      await writeFile(
        file,
        configurationOf(
          port,
          routers.map((router) => router.port),
        ),
      );
      proxy = spawn('haproxy', ['-f', file], { stdio: 'ignore' });
    });
    afterAll(async () => {
      if (proxy?.exitCode === null) {
        const ended = once(proxy, 'exit');
        proxy.kill('SIGTERM');
        await ended;
      }
      await product?.close();
      await rm(folder, { recursive: true, force: true });
    });

    it('lose no request while one after the other is stopped and started again', async () => {
      const { client } = product;
      const web = { ...{ command: serving('hello'), ports: [{ container_port: 8080 }], routes: [{ port: 8080 }] }, replicas: 2 };
      const id = await deploy(client, 'served', onDocker({ ...web, resources: LOADED }));
      await untilHealthy(client, id, 60_000);
      const answer = (at: number): Promise<unknown> =>
        until(async () => (await askRoute(at, HOST)) === 200, { what: `an answer at ${String(at)}` });
      for (const at of [...routers.map((router) => router.port), port]) await answer(at);

      const load = new SteadyLoad(port, HOST);
      for (const router of routers) {
        const before = load.sent;
        await until(() => load.sent > before + 500, { what: 'some requests' });
        expect((await router.process.kill('SIGTERM')).code).toBe(0);
        router.process = await startRouter(router.port);
        // From its first answer on it has its tables.
        await until(async () => (await askRoute(router.port, HOST)) !== 0, { what: 'it to listen' });
        expect(await askRoute(router.port, HOST)).toBe(200);
      }
      const before = load.sent;
      await until(() => load.sent > before + 500, { what: 'some requests more' });
      await load.stop();
      process.stderr.write(`two routers: ${String(load.failures.length)} of ${String(load.sent)} requests failed\n`);
      expect(load.failures).toEqual([]);
      await remove(client, id);
    });

    it('and a second process on the port of another takes over when that ends, for which it is away for a moment', async () => {
      const [first] = routers;
      const second = await startRouter(first!.port);
      const addresses = async (): Promise<string[]> =>
        (
          await product.dataSource.query<{ address: string }[]>(`SELECT address FROM routers WHERE address LIKE $1`, [
            `%:${String(first!.port)}%`,
          ])
        )
          .map(({ address }) => address.replace(/^.*:\d+/, ''))
          .sort();
      // Both count, though only one of them listens: neither is taken for the other.
      const both = ['', `, to be taken over by process ${String(second.pid)}`];
      for (let n = 0; n < 5; n++) {
        await until(async () => (await addresses()).join() === both.join(), { what: 'both to be known' });
        await new Promise((resolve) => setTimeout(resolve, 300));
      }
      await first!.process.kill('SIGTERM');
      await until(async () => (await askRoute(first!.port, HOST)) === 404, { timeoutMs: 5_000, what: 'the other one to answer' });
      await until(async () => (await addresses()).join() === '', { what: 'its own address' });
    });
  });
});
