import { checkInvariants } from '../../src/invariants/check-invariants';
import type { Client } from '../support/client';
import { deploy, inStatus, remove, statusOf, untilHealthy, untilNoWork } from '../support/deployments-under-test';
import { describeWithEngine } from '../support/engine';
import { until } from '../support/until';
import { onDocker, ProductOnDocker } from './product-on-docker';

/** The time between the commit of the restore and the moment when the containers run again. */
const RESUMES_WITHIN_MS = 10_000;

describeWithEngine('a deletion that keeps its containers warm', () => {
  let product: ProductOnDocker;
  let client: Client;

  const containers = async (deploymentId: string): Promise<{ id: string; state: string }[]> =>
    (await product.containers(deploymentId))
      .map(({ Id: id, State: state }) => ({ id, state }))
      .sort((one, other) => one.id.localeCompare(other.id));
  const hostPorts = async (deploymentId: string): Promise<number[]> => {
    const rows = await product.dataSource.query<{ published: { hostPort: number }[] }[]>(
      `SELECT published FROM deployment_replicas WHERE deployment_id = $1 AND status = 'running' ORDER BY id`,
      [deploymentId],
    );
    return rows.flatMap(({ published }) => published.map(({ hostPort }) => hostPort));
  };

  beforeAll(async () => {
    product = await ProductOnDocker.start();
    ({ client } = product);
  });

  afterAll(() => product?.close(), 60_000);

  it('stops them, and a restore starts the same ones again, with the ports that they have then', async () => {
    const id = await deploy(client, 'warm', onDocker({ replicas: 2, ports: [{ container_port: 8080 }] }));
    await untilHealthy(client, id, 30_000);
    const before = await containers(id);
    expect(await remove(client, id, '?keep_warm=10m&wait=30')).toMatchObject({ status: 200 });
    expect(await containers(id)).toEqual(before.map((container) => ({ ...container, state: 'exited' })));

    const begun = performance.now();
    expect(await client.post(`/api/deployment/${id}/restore`, {})).toMatchObject({ status: 202, body: { replicas_warm: 2 } });
    const view = await untilHealthy(client, id, 30_000);
    const ms = performance.now() - begun;
    process.stdout.write(`two kept containers ran again ${Math.round(ms)} ms after the restore\n`);
    expect(ms).toBeLessThan(RESUMES_WITHIN_MS);
    expect(await containers(id)).toEqual(before);
    expect(view.replicas).toHaveLength(2);
    const shown = await Promise.all(before.map(({ id: container }) => product.docker.getContainer(container).inspect()));
    const real = shown.flatMap(({ NetworkSettings: { Ports: ports } }) => ports['8080/tcp']?.map(({ HostPort }) => Number(HostPort)) ?? []);
    expect((await hostPorts(id)).sort()).toEqual(real.sort());
    expect(await remove(client, id)).toMatchObject({ status: 200, body: { replicas_stopped: 2, resources_released: true } });
    expect(await containers(id)).toEqual([]);
  });

  it('stops them when the engine is back that was away, and removes them when the time is over', async () => {
    const id = await deploy(client, 'warm-away', onDocker({ replicas: 2 }));
    await untilHealthy(client, id, 30_000);
    await product.engine.cut();
    expect(await remove(client, id, '?keep_warm=60s&wait=0')).toMatchObject({ status: 202 });
    await until(async () => (await statusOf(client, id)).work?.last_error, { what: 'the wait for the engine' });
    await product.engine.restore();
    const areStopped = (all: readonly { state: string }[]): boolean => all.length === 2 && all.every(({ state }) => state === 'exited');
    await until(async () => areStopped(await containers(id)), { what: 'both to be stopped' });
    expect(inStatus(await statusOf(client, id), 'stopping')).toHaveLength(2);

    await until(async () => (await containers(id)).length === 0, { what: 'the removal', timeoutMs: 120_000 });
    await untilNoWork(client, id);
    expect(await checkInvariants(product.dataSource, { graceSeconds: 0 })).toEqual([]);
  });
});
