import { get } from 'node:http';
import { deploy, inStatus, remove, statusOf, untilHealthy } from '../support/deployments-under-test';
import { freePort } from '../support/program';
import { serving } from '../support/serving';
import { SteadyLoad } from '../support/steady-load';
import { until } from '../support/until';
import { describeWithCluster } from './cluster-under-test';
import { NOTHING_LEFT, onKubernetes, ProductOnKubernetes } from './product-on-kubernetes';

const web = (more: Record<string, unknown> = {}): Record<string, unknown> =>
  onKubernetes({
    ...{ command: serving('hello'), ports: [{ container_port: 8080, protocol: 'tcp' }], routes: [{ port: 8080 }] },
    ...{ health_check: { http: { port: 8080, path: '/' }, interval_seconds: 1 }, read_only_root: true },
    ...more,
  });

interface Endpoint {
  readonly addresses: readonly string[];
}

describeWithCluster('routes in a cluster', () => {
  let product: ProductOnKubernetes;
  let port: number;
  beforeAll(async () => {
    port = await freePort();
    product = await ProductOnKubernetes.start({ LOAD_BALANCER: 'builtin', ROUTER_PORT: String(port) });
  });
  afterAll(() => product?.close(), 60_000);

  const { core, networking } = { core: () => product.cluster.core, networking: () => product.api('NetworkingV1Api') };
  const namespace = (): string => product.cluster.access.namespace;
  const pods = async () => (await core().listNamespacedPod({ namespace: namespace() })).items;
  const served = async (): Promise<string[]> => {
    const slices = await product.api('DiscoveryV1Api').listNamespacedEndpointSlice({ namespace: namespace() });
    return slices.items.flatMap(({ endpoints }) => (endpoints ?? []) as Endpoint[]).flatMap(({ addresses }) => addresses);
  };
  const untilServed = (count: number): Promise<unknown> =>
    until(async () => (await served()).length === count, { timeoutMs: 60_000, what: `${String(count)} endpoints of the Service` });
  const scale = (id: string, replicas: number) => product.client.post(`/api/deployment/scale/${id}`, { replicas });

  it('lead to Pods through the Service and the built-in router, and lose no request while replicas come and go', async () => {
    expect((await product.client.patch(`/api/nodes/${product.nodeId}`, { ingress_class: 'test' })).body).toMatchObject({
      ...{ ingress_class: 'test', gateway: null },
    });
    const id = await deploy(product.client, 'hello', web({ replicas: 1 }));
    await untilHealthy(product.client, id, 90_000);
    await untilServed(1);
    const host = 'hello.admin.localhost';
    await until(async () => (await codeOf(port, host)) === 200, { timeoutMs: 20_000, what: 'an answer through the router' });
    const { routes } = (await statusOf(product.client, id)) as unknown as { routes: { cluster_endpoints: string[] }[] };
    const [service] = (await core().listNamespacedService({ namespace: namespace() })).items;
    expect(routes[0]?.cluster_endpoints).toEqual([`${service?.metadata?.name ?? ''}.${namespace()}.svc:8080`]);

    const load = new SteadyLoad(port, host);
    await scale(id, 3);
    await untilServed(3);
    await until(async () => (await networking().listNamespacedIngress({ namespace: namespace() })).items.length === 1, {
      timeoutMs: 60_000, // the change of the node is noticed within half a minute
      what: 'the Ingress',
    });
    // A Pod that ends is in no Service any more.
    const early: string[] = [];
    let watching = true;
    const watched = (async () => {
      while (watching) {
        for (const { metadata } of await pods())
          if (metadata?.deletionTimestamp && metadata.labels?.['fog-compute/serves'] === 'true') early.push(metadata.name ?? '');
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    })();
    await scale(id, 1);
    await until(async () => (await pods()).length === 1, { timeoutMs: 90_000, what: 'the surplus to be gone' });
    watching = false;
    await watched;
    await load.stop();
    process.stderr.write(`kubernetes routes: ${String(load.failures.length)} of ${String(load.sent)} requests failed\n`);
    expect(load.failures).toEqual([]);
    expect(early).toEqual([]);

    await remove(product.client, id);
    await until(async () => JSON.stringify(await product.left()) === JSON.stringify(NOTHING_LEFT), {
      timeoutMs: 60_000,
      what: 'nothing to be left',
    });
    const deletion = (await product.client.get(`/api/deployment/${id}/deletion`)).body as { steps: { step: string; state: string }[] };
    expect(deletion.steps.find(({ step }) => step === 'remove_route')).toMatchObject({ state: 'done' });
  });

  it('and their replicas are ended one after the other by whoever empties a machine', async () => {
    const id = await deploy(product.client, 'drained', web({ replicas: 2, routes: [] }));
    await untilHealthy(product.client, id, 90_000);
    const budget = async () => (await product.api('PolicyV1Api').listNamespacedPodDisruptionBudget({ namespace: namespace() })).items[0];
    await until(async () => (await budget())?.status?.disruptionsAllowed === 1, { timeoutMs: 30_000, what: 'the budget' });
    const [first, second] = (await pods()).map(({ metadata }) => metadata?.name ?? '');
    const evict = (name: string) =>
      core().createNamespacedPodEviction({ name, namespace: namespace(), body: { metadata: { name, namespace: namespace() } } });
    await evict(first!);
    await expect(evict(second!)).rejects.toMatchObject({ code: 429 });
    await until(async () => inStatus(await statusOf(product.client, id), 'running').length === 2, { timeoutMs: 90_000, what: 'two again' });
    await until(
      () =>
        evict(second!).then(
          () => true,
          () => false,
        ),
      { timeoutMs: 60_000, what: 'the second eviction' },
    );
    await untilHealthy(product.client, id, 90_000);
    await remove(product.client, id);
    await until(async () => JSON.stringify(await product.left()) === JSON.stringify(NOTHING_LEFT), {
      timeoutMs: 60_000,
      what: 'nothing to be left',
    });
  });
});

const codeOf = (port: number, host: string): Promise<number> =>
  new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, headers: { host }, agent: false }, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    }).on('error', reject);
  });
