import type { Client } from '../support/client';
import { deploy, inStatus, remove, statusOf, untilHealthy, type ReplicaView } from '../support/deployments-under-test';
import { describeWithEngine } from '../support/engine';
import { until } from '../support/until';
import { onDocker, ProductOnDocker } from './product-on-docker';

const PORTS = [{ container_port: 8080 }];
const serve = (prepare: string): string[] => ['sh', '-c', `mkdir -p /tmp/www; cd /tmp/www; ${prepare}; exec httpd -f -p 8080 -h /tmp/www`];
const HTTP = { http: { port: 8080, path: '/healthz' }, interval_seconds: 1, timeout_seconds: 1 };
const TCP = { tcp: { port: 8080 }, interval_seconds: 1, timeout_seconds: 1 };

describeWithEngine('health checks of containers of a real Docker Engine', () => {
  let product: ProductOnDocker;
  let client: Client;
  beforeAll(async () => {
    product = await ProductOnDocker.start();
    ({ client } = product);
  });
  afterAll(() => product?.close());

  const replicasOf = async (id: string): Promise<ReplicaView[]> => [...(await statusOf(client, id)).replicas];
  const failedOf = (id: string): Promise<ReplicaView> =>
    until(async () => inStatus(await statusOf(client, id), 'failed')[0], { timeoutMs: 60_000, what: `a replica of ${id} to fail` });
  const run = async (id: string, command: string): Promise<void> => {
    const [container] = (await product.containers(id)).filter(({ State: state }) => state === 'running');
    const exec = await product.docker.getContainer(container?.Id ?? '').exec({ Cmd: ['sh', '-c', command] });
    const output = await exec.start({});
    output.resume().on('error', () => undefined);
    await new Promise((resolve) => output.once('close', resolve).once('end', resolve));
  };

  it('let a replica run once it answers, and soon after the engine has started it', async () => {
    const id = await deploy(
      client,
      'http',
      onDocker({ command: serve('echo ok > healthz'), ports: PORTS, health_check: HTTP, replicas: 2 }),
    );
    await untilHealthy(client, id);
    expect((await replicasOf(id)).map(({ healthy, reason }) => ({ healthy, reason }))).toEqual([
      { healthy: true, reason: null },
      { healthy: true, reason: null },
    ]);
    await remove(client, id);
  });

  it('replace a replica that answers no longer as it should, and say why', async () => {
    const id = await deploy(client, 'turns-bad', onDocker({ command: serve('echo ok > healthz'), ports: PORTS, health_check: HTTP }));
    await untilHealthy(client, id);
    await run(id, 'rm /tmp/www/healthz 2>/dev/null || /bin/busybox rm /tmp/www/healthz');
    const failed = await failedOf(id);
    expect(failed).toMatchObject({ healthy: false });
    expect(failed.reason).toContain('GET /healthz answered 404, three times in a row');
    const healed = await untilHealthy(client, id);
    expect(inStatus(healed, 'running')[0]?.id).not.toBe(failed.id);
    await remove(client, id);
  });

  it('keep a replica from running that never answers', async () => {
    const health_check = { ...HTTP, retries: 2, start_period_seconds: 1 };
    const id = await deploy(client, 'never-good', onDocker({ command: serve('true'), ports: PORTS, health_check }));
    const failed = await failedOf(id);
    expect(failed.reason).toContain('GET /healthz answered 404, twice in a row');
    expect((await statusOf(client, id)).health).toBe('unhealthy');
    await remove(client, id);
  });

  it('by tcp are not taken in by the engine, which accepts connections for a container that does not listen', async () => {
    const good = await deploy(client, 'tcp', onDocker({ command: serve('true'), ports: PORTS, health_check: TCP }));
    const bad = await deploy(client, 'tcp-bad', onDocker({ ports: PORTS, health_check: TCP }));
    await untilHealthy(client, good);
    expect((await failedOf(bad)).reason).toMatch(/^A connection to port 8080 was (closed at once|cut off|refused), three times in a row/);
    await remove(client, good);
    await remove(client, bad);
  });

  it('go on after every process was killed, and replace no healthy replica', async () => {
    const id = await deploy(
      client,
      'survives',
      onDocker({ command: serve('echo ok > healthz'), ports: PORTS, health_check: HTTP, replicas: 3 }),
    );
    const before = inStatus(await untilHealthy(client, id), 'running').map((replica) => replica.id);
    await product.kill();
    await product.startAgain();
    ({ client } = product);
    // The claim of the dead prober has to end first.
    await run(id, 'rm /tmp/www/healthz 2>/dev/null || /bin/busybox rm /tmp/www/healthz');
    const failed = await failedOf(id);
    expect(before).toContain(failed.id);
    const after = inStatus(await untilHealthy(client, id), 'running').map((replica) => replica.id);
    expect(after.filter((each) => before.includes(each))).toHaveLength(2);
    await remove(client, id);
  });
});
