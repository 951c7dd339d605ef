import { deploy, inStatus, remove, statusOf, untilHealthy, type StatusView } from '../support/deployments-under-test';
import { until } from '../support/until';
import { describeWithCluster } from './cluster-under-test';
import { onKubernetes, ProductOnKubernetes } from './product-on-kubernetes';

describeWithCluster('the restart policy on Kubernetes', () => {
  let product: ProductOnKubernetes;
  beforeAll(async () => {
    product = await ProductOnKubernetes.start();
  });
  afterAll(() => product?.close(), 60_000);

  const ending = (name: string, restart: string, exitCode: number): Promise<string> =>
    deploy(product.client, name, onKubernetes({ restart, command: ['sh', '-c', `sleep 1; exit ${String(exitCode)}`] }));
  const shows = (id: string, what: string, isIt: (view: StatusView) => boolean): Promise<StatusView> =>
    until(
      async () => {
        const view = await statusOf(product.client, id);
        return isIt(view) ? view : null;
      },
      { timeoutMs: 90_000, what },
    );
  const isStopped = ({ status }: StatusView): boolean => status === 'stopped';
  const isTriedAgain = ({ replicas }: StatusView): boolean => replicas.some(({ attempt }) => attempt > 0);

  it.each([
    ['on_failure', 0, 'healthy'],
    ['never', 0, 'healthy'],
    ['never', 3, 'unhealthy'],
  ])(
    '%s: a job that ends with code %i is stopped and %s, and leaves no Pod',
    async (restart, exitCode, health) => {
      const id = await ending(`${restart.replace('_', '-')}-${String(exitCode)}`, restart, exitCode);
      expect(await shows(id, 'the job to end', isStopped)).toMatchObject({ health });
      await until(async () => (await product.left()).jobs === 0, { timeoutMs: 60_000, what: 'nothing to be left' });
      await remove(product.client, id);
    },
    200_000,
  );

  it.each([
    ['always', 0],
    ['on_failure', 3],
  ])(
    '%s: what ends with code %i is tried again',
    async (restart, exitCode) => {
      const id = await ending(`again-${String(exitCode)}`, restart, exitCode);
      await shows(id, 'another attempt', isTriedAgain);
      await remove(product.client, id);
    },
    200_000,
  );

  it('on_failure: what obeys an eviction with code 0 has not ended well, and gets a successor', async () => {
    const id = await deploy(product.client, 'evicted', onKubernetes({ restart: 'on_failure' }));
    const [first] = (await untilHealthy(product.client, id, 90_000)).replicas;
    const { items } = await product.cluster.core.listNamespacedPod({ namespace: product.cluster.access.namespace });
    const { name = '', namespace = '' } = items.find(({ status }) => status?.phase === 'Running')?.metadata ?? {};
    await product.cluster.core.createNamespacedPodEviction({ name, namespace, body: { metadata: { name, namespace } } });
    await shows(id, 'the successor', (view) => inStatus(view, 'running').some((replica) => replica.id !== first?.id));
    await remove(product.client, id);
  });
});
