import { setTimeout as sleep } from 'node:timers/promises';
import type Docker from 'dockerode';
import { LABEL } from '../../src/runtime/docker/docker-labels';
import type { Client } from '../support/client';
import { deploy, inStatus, remove, statusOf, untilHealthy, untilNoWork } from '../support/deployments-under-test';
import { engineClient, loadTestImage, removeContainersOf } from '../support/engine';
import { describeWithTwoEngines, SecondEngine } from '../support/second-engine';
import { until } from '../support/until';
import { onDocker, ProductOnDocker } from './product-on-docker';

const SOON = { timeoutMs: 40_000 };

/** Two engines; a proxy cuts one of them off while its containers run on. */
describeWithTwoEngines('a node that is lost and returns', () => {
  let product: ProductOnDocker;
  let other: SecondEngine;
  let elsewhere: Docker;
  let client: Client;
  const nodes = { first: '', second: '' };

  beforeAll(async () => {
    other = await SecondEngine.start({ ownIdentity: true });
    elsewhere = engineClient(other.dockerHost);
    await loadTestImage(elsewhere);
    product = await ProductOnDocker.start({ environment: { NODE_LOST_AFTER_SECONDS: '7' } });
    ({ client } = product);
    nodes.first = ((await client.get('/api/nodes')).body as { id: string }[])[0]?.id ?? '';
    const made = await client.post('/api/nodes', { name: 'second', region: 'us-east', runtime: 'docker', endpoint: other.dockerHost });
    nodes.second = (made.body as { id: string }).id;
  });
  afterAll(async () => {
    await product?.kill();
    if (elsewhere && product) await removeContainersOf(elsewhere, product.installationId);
    await product?.close();
    await other?.close();
  });

  const cordon = (id: string, cordoned: boolean) => client.patch(`/api/nodes/${id}`, { cordoned });
  const onSecond = (id: string): Promise<Docker.ContainerInfo[]> =>
    elsewhere.listContainers({ all: true, filters: { label: [`${LABEL.deployment}=${id}`] } });

  it('has what was replaced removed first, and nobody is ever sent to two generations', async () => {
    await until(async () => ((await client.get(`/api/nodes/${nodes.second}`)).body as { status: string }).status !== 'offline', {
      what: 'the second engine to answer',
      ...SOON,
    });
    await cordon(nodes.second, true);
    const id = await deploy(client, 'lost', onDocker());
    const [before] = inStatus(await untilHealthy(client, id, 30_000), 'running');
    await untilNoWork(client, id);
    await cordon(nodes.second, false);

    await product.engine.cut();
    await until(async () => (await onSecond(id)).some(({ State: state }) => state === 'running'), {
      what: 'a successor elsewhere',
      ...SOON,
    });
    await until(async () => inStatus(await statusOf(client, id), 'running').every((replica) => replica.id !== before!.id), SOON);
    // The old container runs on, where nobody reaches it, and its replica counts no more.
    expect((await product.containers(id)).map(({ State: state }) => state)).toEqual(['running']);
    expect((await statusOf(client, id)).replicas.find((replica) => replica.id === before!.id)?.status).toBe('stopping');

    let most = 0;
    let startedBeside = 0;
    let watching = true;
    const watch = (async () => {
      while (watching) {
        const containers = await product.containers(id);
        if (containers.some(({ Id }) => Id === before!.container_id) && containers.length > 1) startedBeside += 1;
        most = Math.max(most, inStatus(await statusOf(client, id), 'running').length);
        await sleep(50);
      }
    })();
    await product.engine.restore();
    const begun = performance.now();
    await until(async () => (await product.containers(id)).length === 0, { what: 'the old container to be removed', ...SOON });
    process.stdout.write(`a lost node: its old container was gone ${Math.round(performance.now() - begun)} ms after its return\n`);
    await untilHealthy(client, id, 30_000);
    watching = false;
    await watch;
    expect([most, startedBeside]).toEqual([1, 0]);
    const orphans = (await client.get('/api/admin/orphans')).body;
    expect(orphans).toEqual([]);
    expect((await remove(client, id)).status).toBe(200);
    expect(await onSecond(id)).toEqual([]);
  });
});
