import type Docker from 'dockerode';
import { LABEL } from '../../src/runtime/docker/docker-labels';
import { describeWithEngine, engineClient, loadTestImage, removeContainersOf } from '../support/engine';
import { deploy, inStatus, remove, statusOf, untilHealthy, untilNoWork } from '../support/deployments-under-test';
import { until } from '../support/until';
import { describeWithCluster } from './cluster-under-test';
import { onKubernetes, ProductOnKubernetes } from './product-on-kubernetes';

interface Explained {
  readonly placements: readonly { candidates: readonly { node_name: string; replicas: number; score: { total: number } }[] }[];
}

const describeWithBoth = (name: string, tests: () => void): void =>
  describeWithEngine('a Docker Engine and', () => describeWithCluster(name, tests));

describeWithBoth('a Kubernetes cluster serve one deployment together', () => {
  let product: ProductOnKubernetes;
  const docker: Docker = engineClient();
  beforeAll(async () => {
    await loadTestImage(docker);
    product = await ProductOnKubernetes.start({ RUNTIME: 'docker' });
  });
  afterAll(async () => {
    await product?.close();
    if (product) await removeContainersOf(docker, product.installationId);
  });

  const containers = (): Promise<Docker.ContainerInfo[]> =>
    docker.listContainers({ all: true, filters: { label: [`${LABEL.installation}=${product.installationId}`] } });
  const pods = async () => (await product.cluster.core.listNamespacedPod({ namespace: product.cluster.access.namespace })).items;
  const explained = async (id: string): Promise<Explained> => (await product.client.get(`/api/deployment/${id}`)).body as Explained;

  it('through scaling, the loss of one of each, a rollout and a delete that leaves nothing on either', async () => {
    const id = await deploy(product.client, 'both', onKubernetes({ replicas: 2, placement_strategy: 'spread' }));
    await untilHealthy(product.client, id, 90_000);
    expect([(await containers()).length, (await pods()).length]).toEqual([1, 1]);
    const candidates = (await explained(id)).placements[0]?.candidates ?? [];
    expect(candidates.map(({ replicas }) => replicas)).toEqual([1, 1]);
    expect(candidates.map(({ node_name: name }) => name)).toContain('cluster');
    for (const { score } of candidates) expect(score.total).toBeGreaterThan(0);

    expect((await product.client.post(`/api/deployment/scale/${id}`, { replicas: 4 })).status).toBe(200);
    const scaled = await until(
      async () => {
        const view = await statusOf(product.client, id);
        return inStatus(view, 'running').length === 4 ? view : null;
      },
      { timeoutMs: 90_000, what: 'four replicas' },
    );
    expect([(await containers()).length, (await pods()).length]).toEqual([2, 2]);

    const known = new Set(scaled.replicas.map((each) => each.id));
    await docker.getContainer((await containers())[0]!.Id).kill();
    const { name = '', namespace = '' } = (await pods())[0]?.metadata ?? {};
    await product.cluster.core.createNamespacedPodEviction({ name, namespace, body: { metadata: { name, namespace } } });
    await until(
      async () => {
        const running = inStatus(await statusOf(product.client, id), 'running');
        return running.length === 4 && running.filter((each) => !known.has(each.id)).length === 2;
      },
      { timeoutMs: 90_000, what: 'the two replacements' },
    );

    const change = await product.client.patch(`/api/deployment/${id}`, { env: { GREETING: 'two' }, rollout: { min_healthy_seconds: 0 } });
    expect(change.status).toBe(202);
    const done = async (): Promise<boolean> =>
      ((await product.client.get(`/api/deployment/${id}/rollout`)).body as { state: string }).state === 'completed';
    await until(done, { timeoutMs: 180_000, what: 'the rollout' });
    await untilHealthy(product.client, id, 60_000);
    expect((await containers()).length).toBeGreaterThan(0);
    expect((await pods()).length).toBeGreaterThan(0);

    expect((await remove(product.client, id)).status).toBeLessThan(300);
    await until(async () => (await untilNoWork(product.client, id)).status === 'deleted', { what: 'the end of the work' });
    await until(async () => Object.values(await product.left()).every((count) => count === 0), { what: 'an empty namespace' });
    expect(await containers()).toEqual([]);
  }, 500_000);
});
