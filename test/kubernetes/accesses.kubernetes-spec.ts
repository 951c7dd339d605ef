import { randomUUID } from 'node:crypto';
import { deploy, remove, statusOf, untilHealthy, untilNoWork } from '../support/deployments-under-test';
import { until } from '../support/until';
import { describeWithCluster, kubeconfig } from './cluster-under-test';
import { kubeconfigOf, NOTHING_LEFT, onKubernetes, ProductOnKubernetes } from './product-on-kubernetes';
import { SimulatedMachines } from './simulated-machines';

describeWithCluster('a node of a cluster', () => {
  let product: ProductOnKubernetes;
  let machines: SimulatedMachines;
  beforeAll(async () => {
    machines = await SimulatedMachines.start(1, 10);
    product = await ProductOnKubernetes.start();
  });
  afterAll(async () => {
    await product?.close();
    await machines?.close();
  }, 60_000);

  const register = async (body: Record<string, unknown>): Promise<string> => {
    const answer = await product.client.post('/api/nodes', { region: 'us-east', runtime: 'kubernetes', ...body });
    expect(answer.status).toBe(201);
    return (answer.body as { id: string }).id;
  };
  const untilNodeSays = (id: string, words: RegExp): Promise<boolean> =>
    until(
      async () => {
        const { last_error: told } = await product.node(id);
        if (words.test(told ?? '')) return true;
        throw new Error(String(told));
      },
      { timeoutMs: 60_000, what: `the node to say ${String(words)}` },
    );

  it('with the token of an account without any rights names the one that is missing first', async () => {
    const { core, access } = product.cluster;
    await core.createNamespacedServiceAccount({ namespace: access.namespace, body: { metadata: { name: 'nobody' } } });
    const id = await register({
      ...{ name: 'no-rights', kubeconfig: await kubeconfigOf(product.cluster, 'nobody'), namespace: access.namespace },
    });
    await untilNodeSays(id, /refuses to read the namespace kube-system: .*cannot get resource \\?"namespaces\\?".*kube-system/);
    expect((await product.node(id)).status).toBe('offline');
  });

  it("that is this program's own says so where there is none", async () => {
    const id = await register({ name: 'outside', kubeconfig: 'in-cluster' });
    await untilNodeSays(id, /This program does not run in a Kubernetes cluster/);
  });

  it('in a namespace that does not exist says so, and so do its replicas, until it is made; and again while it is being removed', async () => {
    const { core } = product.cluster;
    const namespace = `fog-test-${randomUUID().slice(0, 8)}`;
    const id = await register({ name: 'nowhere', kubeconfig: kubeconfig(), namespace, node_selector: machines.selector });
    await untilNodeSays(id, new RegExp(`There is no namespace ${namespace} in the cluster`));
    expect((await product.client.patch(`/api/nodes/${product.nodeId}`, { cordoned: true })).status).toBe(200);
    const deployment = await deploy(product.client, 'nowhere', onKubernetes());
    const untilTold = (told: string, words: RegExp): Promise<boolean> =>
      until(async () => words.test(JSON.stringify(await statusOf(product.client, told))), { timeoutMs: 60_000, what: String(words) });
    await untilTold(deployment, /namespaces \\"fog-test-\w+\\" not found/);

    await core.createNamespace({ body: { metadata: { name: namespace } } });
    try {
      await untilHealthy(product.client, deployment, 120_000);
      await until(async () => (await product.node(id)).last_error === null, { timeoutMs: 60_000, what: 'no more words' });
      const kept = { name: 'keeps-the-namespace', finalizers: ['guard.example/keep'] };
      await core.createNamespacedConfigMap({ namespace, body: { metadata: kept } });
      await core.deleteNamespace({ name: namespace });
      await untilNodeSays(id, new RegExp(`The namespace ${namespace} is being removed`));
      const late = await deploy(product.client, 'late', onKubernetes());
      await untilTold(late, /because it is being terminated/);
      for (const each of [deployment, late]) {
        await remove(product.client, each);
        await until(async () => (await untilNoWork(product.client, each, 60_000)).status === 'deleted', { what: 'the end' });
      }
    } finally {
      await product
        .patch(`/api/v1/namespaces/${namespace}/configmaps/keeps-the-namespace`, { metadata: { finalizers: null } })
        .catch(() => undefined);
    }
    await untilNodeSays(id, /There is no namespace/);
  }, 500_000);
});

describeWithCluster('a program that runs in the cluster of its node', () => {
  let product: ProductOnKubernetes;
  beforeAll(async () => {
    product = await ProductOnKubernetes.start({}, { inCluster: true });
  });
  afterAll(() => product?.close(), 60_000);

  it('uses the account that the cluster has mounted, with the rights of deploy/kubernetes and no others', async () => {
    const id = await deploy(product.client, 'inside', onKubernetes({ env: { GREETING: 'hello' } }));
    await untilHealthy(product.client, id, 90_000);
    expect((await product.node()).last_error).toBeNull();
    const [row] = await product.dataSource.query<{ kubeconfig: Buffer | null }[]>(`SELECT kubeconfig FROM node_clusters`);
    expect(row).toEqual({ kubeconfig: null });
    await product.crash();
    await untilHealthy(product.client, id, 60_000);
    await remove(product.client, id);
    await until(async () => JSON.stringify(await product.left()) === JSON.stringify(NOTHING_LEFT), { what: 'nothing to be left' });
  });
});
