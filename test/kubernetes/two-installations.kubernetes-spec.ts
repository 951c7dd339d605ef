import { LABEL } from '../../src/runtime/kubernetes/labels';
import { ClusterObjects } from '../../src/runtime/kubernetes/cluster-objects';
import { ENTRANCE_KINDS } from '../../src/runtime/kubernetes/entrance-objects';
import { deploy, inStatus, remove, statusOf, untilHealthy, untilNoWork } from '../support/deployments-under-test';
import { until } from '../support/until';
import { describeWithCluster } from './cluster-under-test';
import { NOTHING_LEFT, onKubernetes, ProductOnKubernetes } from './product-on-kubernetes';

describeWithCluster('two installations in one namespace, with one account', () => {
  let ours: ProductOnKubernetes;
  let theirs: ProductOnKubernetes;
  beforeAll(async () => {
    ours = await ProductOnKubernetes.start();
    theirs = await ProductOnKubernetes.start({}, { beside: ours });
    for (const { client, nodeId } of [ours, theirs]) await client.patch(`/api/nodes/${nodeId}`, { ingress_class: 'test' });
  });
  afterAll(async () => {
    await theirs?.close();
    await ours?.close();
  }, 60_000);

  const TWIN = { replicas: 2, env: { GREETING: 'hello' }, ports: [{ container_port: 8080, protocol: 'tcp' }], routes: [{ port: 8080 }] };
  /** Everything of one installation, without what the cluster itself notes about it. */
  const objectsOf = async ({ installationId, cluster }: ProductOnKubernetes): Promise<unknown[]> => {
    const selector = `${LABEL.installation}=${installationId}`;
    const objects = new ClusterObjects(cluster, new AbortController().signal, 'look');
    const listed = await Promise.all((['Pod', 'Secret', ...ENTRANCE_KINDS] as const).map((kind) => objects.list(kind, selector)));
    const { items } = await cluster.batch.listNamespacedJob({ namespace: cluster.access.namespace, labelSelector: selector });
    return [
      ...items.map(({ metadata, spec }) => ['Job', metadata?.uid, metadata?.labels, spec]),
      ...listed.flat().map(({ kind, metadata: { uid, labels }, spec, data }) => [kind, uid, labels, spec, data]),
    ];
  };
  const kindsOf = (objects: readonly unknown[]): unknown[] => [...new Set(objects.map((each) => (each as [string])[0]))].sort();
  const orphansOf = async ({ client }: ProductOnKubernetes): Promise<unknown> => (await client.get('/api/admin/orphans')).body;

  it('never touch what is of the other, through scaling, a rollout, a crash and a delete of everything', async () => {
    const [our, their] = await Promise.all([
      deploy(ours.client, 'twin', onKubernetes(TWIN)),
      deploy(theirs.client, 'twin', onKubernetes(TWIN)),
    ]);
    await untilHealthy(ours.client, our, 120_000);
    await untilHealthy(theirs.client, their, 120_000);
    const KINDS = ['Ingress', 'Job', 'NetworkPolicy', 'Pod', 'PodDisruptionBudget', 'Secret', 'Service'];
    // A Pod that has failed beside other tests, and was replaced, is on its way out for a while.
    // The label by which a Service finds a Pod that serves comes after that, too.
    const isSettled = (objects: readonly unknown[]): boolean => {
      const pods = objects.filter((each) => kindsOf([each])[0] === 'Pod').map((each) => JSON.stringify(each));
      const serving = pods.filter((pod) => pod.includes('"fog-compute/serves":"true"'));
      return kindsOf(objects).length === KINDS.length && pods.length === TWIN.replicas && serving.length === TWIN.replicas;
    };
    await until(async () => isSettled(await objectsOf(ours)), { timeoutMs: 60_000, what: 'all that leads to ours' });
    const before = await objectsOf(ours);
    expect(kindsOf(before)).toEqual(KINDS);
    const replicas = (await statusOf(ours.client, our)).replicas.map(({ id }) => id);

    expect((await theirs.client.post(`/api/deployment/scale/${their}`, { replicas: 3 })).status).toBe(200);
    const change = { env: { GREETING: 'another' }, rollout: { min_healthy_seconds: 0 } };
    expect((await theirs.client.patch(`/api/deployment/${their}`, change)).status).toBe(202);
    await theirs.crash(); // what comes up tidies what it finds
    await until(
      async () => ((await theirs.client.get(`/api/deployment/${their}/rollout`)).body as { state: string }).state === 'completed',
      { timeoutMs: 120_000, what: 'the rollout' },
    );
    await remove(theirs.client, their);
    await until(async () => (await untilNoWork(theirs.client, their)).status === 'deleted', { what: 'the end of the work' });
    await until(async () => (await objectsOf(theirs)).length === 0, { timeoutMs: 60_000, what: 'nothing of theirs to be left' });

    expect(await objectsOf(ours)).toEqual(before);
    const view = await statusOf(ours.client, our);
    expect([inStatus(view, 'running').length, view.replicas.map(({ id }) => id)]).toEqual([2, replicas]);
    for (const each of [ours, theirs]) expect(await orphansOf(each)).toEqual([]);

    await remove(ours.client, our);
    await until(async () => JSON.stringify(await ours.left()) === JSON.stringify(NOTHING_LEFT), {
      timeoutMs: 60_000,
      what: 'nothing to be left',
    });
  }, 500_000);
});
