import type { Client } from '../support/client';
import { deploy, inStatus, remove, statusOf, untilHealthy, untilNoWork } from '../support/deployments-under-test';
import { describeWithEngine } from '../support/engine';
import { until } from '../support/until';
import { onDocker, ProductOnDocker } from './product-on-docker';

/** Writes a line for each request to the log of the container. */
const SERVE = ['sh', '-c', 'mkdir -p /tmp/www; cd /tmp/www; echo ok > healthz; exec httpd -f -v -p 8080 -h /tmp/www'];
const WINDOW_SECONDS = 10;
/** A probe of before the window, and one that was late. Twice as many as intervals would be two probers. */
const SLACK = 4;

/** Two processes work on the jobs of one database; the probes are counted where they arrive. */
describeWithEngine('health checks that two workers could make', () => {
  let product: ProductOnDocker;
  let client: Client;
  let id: string;
  beforeAll(async () => {
    product = await ProductOnDocker.start();
    ({ client } = product);
    await product.alsoStart({});
    const health_check = { http: { port: 8080, path: '/healthz' }, interval_seconds: 1, timeout_seconds: 1 };
    id = await deploy(client, 'probed', onDocker({ command: SERVE, ports: [{ container_port: 8080 }], health_check }));
    await untilHealthy(client, id, 30_000);
    await untilNoWork(client, id);
  });
  afterAll(() => product?.close(), 60_000);

  /** When the requests arrived, by the clock of the engine, in milliseconds. */
  async function probes(): Promise<number[]> {
    const [container] = await product.containers(id);
    const log = await product.docker.getContainer(container?.Id ?? '').logs({ stdout: true, stderr: true, timestamps: true });
    return [...log.toString('utf8').matchAll(/(\d{4}-\d\d-\d\dT[\d:.]+Z)[^\n]*response:200/g)].map(([, at = '']) => Date.parse(at));
  }
  /** The probes of a window that begins with the next one. */
  async function inWindow(): Promise<number> {
    const before = (await probes()).length;
    const from = await until(async () => (await probes())[before], { timeoutMs: 60_000, what: 'the next probe' });
    const all = await until(
      async () => {
        const seen = await probes();
        return (seen.at(-1) ?? 0) - from > WINDOW_SECONDS * 1000 ? seen : null;
      },
      { timeoutMs: 120_000, what: 'probes of a whole window' },
    );
    return all.filter((at) => at >= from && at <= from + WINDOW_SECONDS * 1000).length;
  }

  it('probe a replica once an interval', async () => {
    expect(await inWindow()).toBeLessThanOrEqual(WINDOW_SECONDS + SLACK);
  });

  it('go on when one of them dies, in the other, and nothing is replaced', async () => {
    const before = inStatus(await statusOf(client, id), 'running').map((replica) => replica.container_id);
    await product.kill();
    expect(await inWindow()).toBeLessThanOrEqual(WINDOW_SECONDS + SLACK);
    await product.startAgain();
    ({ client } = product);
    expect(inStatus(await untilHealthy(client, id, 30_000), 'running').map((replica) => replica.container_id)).toEqual(before);
    expect((await remove(client, id)).status).toBe(200);
  });
});
