import { isDeepStrictEqual } from 'node:util';
import { LABEL } from '../../src/runtime/kubernetes/labels';
import { deploy, inStatus, remove, statusOf, untilHealthy, untilNoWork } from '../support/deployments-under-test';
import { until } from '../support/until';
import { control, describeWithOwnCluster } from './cluster-control';
import { NOTHING_LEFT, onKubernetes, ProductOnKubernetes } from './product-on-kubernetes';

describeWithOwnCluster('an API server that is killed and started again', () => {
  let product: ProductOnKubernetes;
  const seen = new Map<string, Set<string>>();
  let looking = true;
  let looks: Promise<void>;

  beforeAll(async () => {
    // No machine is found while the API server is away, which is no reason to give a start up.
    product = await ProductOnKubernetes.start({ KUBERNETES_UNSCHEDULABLE_SECONDS: '60' });
    looks = look();
  });
  afterAll(async () => {
    await control('again', 'api-server').catch(() => undefined);
    looking = false;
    await looks;
    await product?.close();
  });

  /** Notes each Pod of each replica for as long as the test lasts. */
  async function look(): Promise<void> {
    while (looking) {
      const { items } = await product.cluster.core
        .listNamespacedPod({ namespace: product.cluster.access.namespace })
        .catch(() => ({ items: [] }));
      for (const { metadata } of items) {
        const replica = metadata?.labels?.[LABEL.replica] ?? '';
        seen.set(replica, (seen.get(replica) ?? new Set()).add(metadata?.uid ?? ''));
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  async function restart(downMs: number): Promise<void> {
    await control('kill', 'api-server');
    await new Promise((resolve) => setTimeout(resolve, downMs));
    await control('again', 'api-server');
  }
  const untilNothingIsLeft = (): Promise<boolean> =>
    until(
      async () => {
        const left = await product.left();
        if (isDeepStrictEqual(left, NOTHING_LEFT)) return true;
        throw new Error(JSON.stringify(left));
      },
      // The machine and the controllers of the cluster come back to their API server with pauses of up to half a minute.
      { timeoutMs: 240_000, what: 'nothing to be left' },
    );
  const hasRolledOut = async (id: string): Promise<boolean> =>
    ((await product.client.get(`/api/deployment/${id}/rollout`)).body as { state: string }).state === 'completed';

  it('in the middle of starts, of a rollout and of a delete loses nothing and starts nothing twice', async () => {
    const id = await deploy(product.client, 'through-restarts', onKubernetes({ replicas: 4, env: { GREETING: 'one' } }));
    await until(async () => (await statusOf(product.client, id)).replicas.some(({ status }) => status === 'starting'), { what: 'a start' });
    await restart(2_000);
    await untilHealthy(product.client, id, 120_000);

    const change = await product.client.patch(`/api/deployment/${id}`, { env: { GREETING: 'two' }, rollout: { min_healthy_seconds: 0 } });
    expect(change.status).toBe(202);
    await until(async () => (await statusOf(product.client, id)).replicas.length > 4, { what: 'the first new replica' });
    await restart(2_000);
    await until(() => hasRolledOut(id), { timeoutMs: 180_000, what: 'the rollout' });
    const settled = await untilHealthy(product.client, id, 60_000);
    expect(settled.replicas.filter(({ status }) => status === 'failed')).toEqual([]);

    const removal = remove(product.client, id);
    await restart(2_000);
    expect((await removal).status).toBeLessThan(300);
    await until(async () => (await untilNoWork(product.client, id, 120_000)).status === 'deleted', { what: 'the end of the work' });
    await untilNothingIsLeft();
    for (const uids of seen.values()) expect(uids.size).toBe(1);
  }, 700_000);

  it('is told of in words while it is away, and the node is served again soon after', async () => {
    const id = await deploy(product.client, 'meanwhile', onKubernetes());
    await untilHealthy(product.client, id, 60_000);
    await control('kill', 'api-server');
    await until(async () => (await product.node()).last_error !== null, { what: 'the words' });
    expect((await product.node()).last_error).toMatch(/does not answer/);
    expect(inStatus(await statusOf(product.client, id), 'running')).toHaveLength(1);
    await control('again', 'api-server');
    await until(async () => (await product.node()).last_error === null, { what: 'the node to answer' });
    await remove(product.client, id);
    await untilNothingIsLeft();
  }, 400_000);
});
