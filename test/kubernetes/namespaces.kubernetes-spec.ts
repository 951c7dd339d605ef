import { deploy, remove, statusOf, untilHealthy, untilNoWork } from '../support/deployments-under-test';
import { until } from '../support/until';
import { describeWithCluster } from './cluster-under-test';
import { onKubernetes, ProductOnKubernetes } from './product-on-kubernetes';

describeWithCluster('a namespace that somebody deletes', () => {
  let product: ProductOnKubernetes;
  beforeAll(async () => {
    product = await ProductOnKubernetes.start();
  });
  afterAll(async () => product?.close(), 60_000);

  const untilNodeSays = (words: RegExp): Promise<boolean> =>
    until(async () => words.test((await product.node()).last_error ?? ''), { timeoutMs: 60_000, what: `the node to say ${String(words)}` });

  it('is told in words while it goes and once it is gone, and keeps no delete from its end', async () => {
    const { core, access } = product.cluster;
    const { namespace } = access;
    const id = await deploy(product.client, 'in-a-namespace', onKubernetes({ replicas: 2 }));
    await untilHealthy(product.client, id, 60_000);
    const kept = { name: 'keeps-the-namespace', finalizers: ['guard.example/keep'] };
    await core.createNamespacedConfigMap({ namespace, body: { metadata: kept } });
    await core.deleteNamespace({ name: namespace });
    await until(async () => /because it is being terminated/.test(JSON.stringify(await statusOf(product.client, id))), {
      timeoutMs: 90_000,
      what: 'the words of the cluster',
    });

    await remove(product.client, id);
    await until(async () => (await untilNoWork(product.client, id, 60_000)).status === 'deleted', { timeoutMs: 90_000, what: 'the end' });
    await product.patch(`/api/v1/namespaces/${namespace}/configmaps/${kept.name}`, { metadata: { finalizers: null } });
    // The account of deploy/kubernetes is an object of the namespace itself.
    await untilNodeSays(/does not know the account of this node: .* went with its namespace/);
  });
});
