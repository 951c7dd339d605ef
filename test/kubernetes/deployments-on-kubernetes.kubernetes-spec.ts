import { deploy, inStatus, remove, statusOf, untilHealthy, untilNoWork } from '../support/deployments-under-test';
import { until } from '../support/until';
import { describeWithCluster } from './cluster-under-test';
import { NOTHING_LEFT, onKubernetes, ProductOnKubernetes } from './product-on-kubernetes';

describeWithCluster('deployments on Kubernetes, with the rights of deploy/kubernetes and no others', () => {
  let product: ProductOnKubernetes;
  beforeAll(async () => {
    product = await ProductOnKubernetes.start({ ALLOWED_REGISTRIES: 'docker.io,unlisted.invalid' });
  });
  afterAll(() => product?.close(), 60_000);

  const pods = async () => (await product.cluster.core.listNamespacedPod({ namespace: product.cluster.access.namespace })).items;

  it('are placed by what the machines have, and the kubeconfig never comes back', async () => {
    const node = await product.node();
    expect(node.cpu_cores).toBeGreaterThan(0);
    expect(node.memory_mb).toBeGreaterThan(0);
    expect(node).toMatchObject({ last_error: null, namespace: product.cluster.access.namespace });
    const shown = JSON.stringify([node, (await product.client.get('/api/nodes')).body, (await product.client.get('/api/audit-logs')).body]);
    expect(shown).not.toMatch(/certificate-authority-data|BEGIN CERTIFICATE/);
    const [row] = await product.dataSource.query<{ kubeconfig: Buffer }[]>(`SELECT kubeconfig FROM node_clusters`);
    expect(row?.kubeconfig.toString('latin1')).not.toContain('current-context');
  });

  it('live through an eviction, a rollout and a crash of ours, come back after a delete, and leave nothing', async () => {
    const id = await deploy(product.client, 'whole-life', onKubernetes({ replicas: 2, env: { GREETING: 'a secret' } }));
    const first = await untilHealthy(product.client, id, 90_000);
    // One Secret for the revision, and one policy for the owner.
    expect(await product.left()).toMatchObject({ jobs: 2, pods: 2, secrets: 1, policies: 1, services: 0 });

    const [victim] = await pods();
    const { name = '', namespace = '' } = victim?.metadata ?? {};
    await product.cluster.core.createNamespacedPodEviction({ name, namespace, body: { metadata: { name, namespace } } });
    const replaced = await until(
      async () => {
        const view = await statusOf(product.client, id);
        const known = new Set(first.replicas.map((replica) => replica.id));
        return inStatus(view, 'running').length === 2 && view.replicas.some((each) => !known.has(each.id)) ? view : null;
      },
      { timeoutMs: 90_000, what: 'the replacement' },
    );
    expect(replaced.replicas.find(({ status }) => status === 'failed')?.reason).toMatch(/[Ee]vict|removed from the cluster/);

    const change = await product.client.patch(`/api/deployment/${id}`, {
      env: { GREETING: 'another' },
      rollout: { min_healthy_seconds: 0 },
    });
    expect(change.status).toBe(202);
    await product.crash();
    const done = async (): Promise<boolean> =>
      ((await product.client.get(`/api/deployment/${id}/rollout`)).body as { state: string }).state === 'completed';
    await until(done, { timeoutMs: 120_000, what: 'the rollout' });
    await untilHealthy(product.client, id, 60_000);

    expect((await remove(product.client, id)).status).toBeLessThan(300);
    await until(async () => (await untilNoWork(product.client, id)).status === 'deleted', { what: 'the end of the work' });
    await until(async () => JSON.stringify(await product.left()) === JSON.stringify(NOTHING_LEFT), {
      what: 'nothing to be left',
    });
    expect((await product.client.post(`/api/deployment/${id}/restore`, {})).status).toBe(202);
    await untilHealthy(product.client, id, 90_000);
    await remove(product.client, id);
    await until(async () => JSON.stringify(await product.left()) === JSON.stringify(NOTHING_LEFT), {
      what: 'nothing to be left',
    });
  }, 400_000);

  it('say in the words of the cluster why a replica does not start', async () => {
    const reason = (id: string, words: RegExp): Promise<string> =>
      until(async () => (await statusOf(product.client, id)).replicas.map((each) => each.reason ?? '').find((each) => words.test(each)), {
        timeoutMs: 60_000,
        what: `the words ${String(words)}`,
      });
    const id = await deploy(product.client, 'no-image', onKubernetes({ container_image: 'unlisted.invalid/nowhere:1' }));
    await reason(id, /Image unlisted.invalid.nowhere:1 could not be pulled/);
    await remove(product.client, id);
    const closed = await deploy(product.client, 'closed', onKubernetes({ container_image: '127.0.0.1:1/nowhere:1' }));
    await reason(closed, /Image 127.0.0.1:1.nowhere:1 is not on the node, .*ALLOWED_REGISTRIES/);
    await remove(product.client, closed);

    const { namespace } = product.cluster.access;
    await product.cluster.core.createNamespacedResourceQuota({
      namespace,
      body: { metadata: { name: 'none' }, spec: { hard: { pods: '0' } } },
    });
    const full = await deploy(product.client, 'no-quota', onKubernetes());
    await reason(full, /exceeded quota: none/);
    await product.cluster.core.deleteNamespacedResourceQuota({ name: 'none', namespace });
    await remove(product.client, full);
    await until(async () => (await product.left()).jobs === 0, { what: 'nothing to be left' });
  });

  it('are refused a kubeconfig that would run a program here, or that is none', async () => {
    const body = { name: 'bad', region: 'us-east', runtime: 'kubernetes' };
    for (const [kubeconfig, words] of [
      [undefined, /kubeconfig is required/],
      ['hello', /must be a kubeconfig/],
    ] as const) {
      const answer = await product.client.post('/api/nodes', { ...body, kubeconfig });
      expect([answer.status, (answer.body as { detail: string }).detail]).toEqual([422, expect.stringMatching(words)]);
    }
    const docker = await product.client.post('/api/nodes', { ...body, runtime: 'docker', endpoint: 'tcp://10.0.0.1:2376', namespace: 'x' });
    expect(docker.status).toBe(422);
  });
});
