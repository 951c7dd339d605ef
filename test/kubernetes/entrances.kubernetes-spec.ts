import { randomUUID } from 'node:crypto';
import type { Entrance, ShownEntrances } from '../../src/runtime/entrances';
import { ClusterObjects, type ClusterObject, type Kind } from '../../src/runtime/kubernetes/cluster-objects';
import { ENTRANCE_KINDS, type EntrancePlace } from '../../src/runtime/kubernetes/entrance-objects';
import { bringEntrances, removeStrayEntrances } from '../../src/runtime/kubernetes/entrances';
import { keepPolicies, keepShared, releaseShared, tenantPolicy } from '../../src/runtime/kubernetes/shared';
import { aSpec } from '../contract/runtime-under-test';
import { until } from '../support/until';
import { clusterUnderTest, describeWithCluster, type ClusterUnderTest } from './cluster-under-test';

describeWithCluster('what leads to deployments in a cluster', () => {
  const never = new AbortController().signal;
  let t: ClusterUnderTest;
  let cluster: ClusterObjects;
  beforeAll(async () => {
    t = await clusterUnderTest();
    cluster = new ClusterObjects(t.client, never, 'change');
  });
  afterAll(() => t?.close(), 60_000);

  const sure = (): Promise<void> => Promise.resolve();
  const placeOf = (over: Partial<EntrancePlace> = {}): EntrancePlace => ({
    ...{ installationId: randomUUID(), nodeId: randomUUID(), routerNetworks: ['10.0.0.0/8'] },
    access: { ...t.client.access, ingressClass: 'test' },
    ...over,
  });
  const entrance = (over: Partial<Entrance> = {}): Entrance => ({
    ...{ deploymentId: randomUUID(), ownerId: randomUUID(), ports: [8080], members: [], keep: 1 },
    routes: [{ host: 'web.ada.localhost', pathPrefix: '/', port: 8080 }],
    ...over,
  });
  const bring = (place: EntrancePlace, entrances: readonly Entrance[]): Promise<ShownEntrances> =>
    bringEntrances(cluster, place, { wanted: () => Promise.resolve(entrances), sure });
  const objects = async ({ installationId }: EntrancePlace): Promise<ClusterObject[]> =>
    (await Promise.all(ENTRANCE_KINDS.map((kind) => cluster.list(kind, `fog-compute/installation=${installationId}`)))).flat();
  const kinds = async (place: EntrancePlace): Promise<Kind[]> => (await objects(place)).map(({ kind }) => kind).sort();

  it('is made once, is the same after a second time, and goes with the wish', async () => {
    const [place, wish] = [placeOf(), entrance()];
    expect((await bring(place, [wish])).behind.size).toBe(0);
    const made = await objects(place);
    expect(made.map(({ kind }) => kind).sort()).toEqual(['Ingress', 'NetworkPolicy', 'PodDisruptionBudget', 'Service']);
    expect((await bring(place, [wish])).behind.size).toBe(0);
    const versions = (all: readonly ClusterObject[]): (string | undefined)[] => all.map(({ metadata }) => metadata.resourceVersion);
    expect(versions(await objects(place))).toEqual(versions(made));

    await bring(place, [{ ...wish, routes: [], keep: 0 }]);
    expect(await kinds(place)).toEqual(['Service']);
    await bring(place, []);
    expect(await kinds(place)).toEqual([]);
  });

  it('is put right when somebody has changed it by hand', async () => {
    const [place, wish] = [placeOf(), entrance()];
    await bring(place, [wish]);
    const [service] = await cluster.list('Service', `fog-compute/installation=${place.installationId}`);
    await cluster.replace(service!, { ...service!, spec: { ...(service!.spec as object), selector: { app: 'theirs' } } });
    expect((await bring(place, [wish])).behind.size).toBe(0);
    const [again] = await cluster.list('Service', `fog-compute/installation=${place.installationId}`);
    expect(again?.spec).toMatchObject({ selector: { 'fog-compute/deployment': wish.deploymentId, 'fog-compute/serves': 'true' } });
    await bring(place, []);
  });

  it('keeps the annotations, labels and finalizers of others when its routes change', async () => {
    const [place, wish] = [placeOf(), entrance()];
    await bring(place, [wish]);
    const kept = { annotations: { 'lb.example/id': '42' }, labels: { team: 'theirs' } };
    const marked = async (kind: 'Ingress' | 'Service' | 'NetworkPolicy'): Promise<ClusterObject> =>
      (await cluster.list(kind, `fog-compute/installation=${place.installationId}`))[0]!;
    const changed = ['Ingress', 'Service', 'NetworkPolicy'] as const;
    for (const kind of changed) {
      const object = await marked(kind);
      const finalizers = ['lb.example/clean-up'];
      const held = await cluster.replace(object, { ...object, metadata: { ...object.metadata, finalizers } });
      await cluster.mark({ ...held!, kind }, kept);
    }
    const moved = { ...wish, ports: [9090], routes: [{ host: 'web.ada.localhost', pathPrefix: '/', port: 9090 }] };
    expect((await bring(place, [moved])).behind.size).toBe(0);
    for (const kind of changed) {
      const object = await marked(kind);
      expect(JSON.stringify(object.spec)).toContain('9090');
      expect(object.metadata).toMatchObject({ ...kept, finalizers: ['lb.example/clean-up'] });
      await cluster.replace(object, { ...object, metadata: { ...object.metadata, finalizers: [] } });
    }
    await bring(place, []);
    expect(await kinds(place)).toEqual([]);
  });

  it('is not undone by somebody with older wishes who had looked before', async () => {
    const [place, wish] = [placeOf(), entrance({ ports: [80] })];
    const newer = { ...wish, ports: [80, 81] };
    await bring(place, [wish]);
    const wanted = async (): Promise<Entrance[]> => {
      await bring(place, [newer]);
      return [{ ...wish, ports: [82] }];
    };
    await bringEntrances(cluster, place, { wanted, sure });
    const [service] = await cluster.list('Service', `fog-compute/installation=${place.installationId}`);
    expect(service?.spec).toMatchObject({ ports: [{ port: 80 }, { port: 81 }] });
    await bring(place, []);
  });

  it('of another installation in the same namespace is not touched', async () => {
    const [ours, theirs, wish] = [placeOf(), placeOf(), entrance()];
    await bring(theirs, [wish]);
    await bring(ours, [{ ...wish, deploymentId: randomUUID() }]);
    await bring(ours, []);
    expect(await kinds(theirs)).toHaveLength(4);
    await bring(theirs, []);
  });

  it('goes with its node, and stays for nodes that live and for other installations', async () => {
    const [gone, theirs, wish] = [placeOf(), placeOf(), entrance()];
    const live = { ...gone, nodeId: randomUUID() };
    for (const place of [gone, theirs, live]) await bring(place, [wish]);
    await removeStrayEntrances(cluster, gone.installationId, (id) => id === live.nodeId);
    expect(await kinds(theirs)).toHaveLength(4);
    const left = await objects(gone);
    expect(left).toHaveLength(4);
    for (const { metadata } of left) expect(metadata.labels?.['fog-compute/node']).toBe(live.nodeId);
    for (const place of [theirs, live]) await bring(place, []);
  });

  it('says for the deployment which kind the cluster does not have, and makes the rest', async () => {
    const wish = entrance();
    const place = placeOf({ access: { ...t.client.access, gateway: 'infra/public' } });
    const { behind } = await bring(place, [wish]);
    expect([...behind]).toEqual([[wish.deploymentId, expect.stringContaining('HTTPRoute')]]);
    expect(await kinds(place)).toEqual(['NetworkPolicy', 'PodDisruptionBudget', 'Service']);
    await bring(place, []);
  });

  it('is an HTTPRoute for each host where a Gateway is named', async () => {
    const crds = t.client.config.makeApiClient(t.client.library.ApiextensionsV1Api);
    const name = 'httproutes.gateway.networking.k8s.io';
    await crds.createCustomResourceDefinition({ body: HTTP_ROUTES });
    try {
      const routes = [
        { host: 'a.example', pathPrefix: '/', port: 8080 },
        { host: 'a.example', pathPrefix: '/api', port: 8080 },
        { host: 'b.example', pathPrefix: '/', port: 8080 },
      ];
      const [place, wish] = [placeOf({ access: { ...t.client.access, gateway: 'infra/public' } }), entrance({ routes })];
      await until(async () => (await bring(place, [wish])).behind.size === 0, { what: 'the routes to be made' });
      const made = await cluster.list('HTTPRoute', `fog-compute/installation=${place.installationId}`);
      expect(made.map(({ spec }) => (spec as { hostnames: string[] }).hostnames).sort()).toEqual([['a.example'], ['b.example']]);
      expect(made[0]?.spec).toMatchObject({ parentRefs: [{ namespace: 'infra', name: 'public' }] });
      await bring(place, []);
      expect(await kinds(place)).toEqual([]);
    } finally {
      await crds.deleteCustomResourceDefinition({ name });
    }
  });

  describe('what replicas share', () => {
    const policies = (installationId: string): Promise<ClusterObject[]> =>
      cluster.list('NetworkPolicy', `fog-compute/installation=${installationId}`);

    it('stays when a replica comes between the look for others and the removal', async () => {
      const installationId = randomUUID();
      const policy = tenantPolicy(aSpec(), installationId);
      await keepShared(cluster, [policy]);
      let looks = 0;
      const hasJobs = async (): Promise<boolean> => {
        if (++looks === 2) await keepShared(cluster, [policy]);
        return false;
      };
      await releaseShared(cluster, await policies(installationId), hasJobs);
      expect(await policies(installationId)).toHaveLength(1);
      await releaseShared(cluster, await policies(installationId), () => Promise.resolve(false));
      expect(await policies(installationId)).toHaveLength(0);
    });

    it('is put back when somebody has removed it or has changed its labels, for as long as it is used', async () => {
      const installationId = randomUUID();
      const policy = tenantPolicy(aSpec(), installationId);
      const ownerId = policy.metadata.labels?.['fog-compute/owner'] ?? '';
      const put = (isUsed: boolean): Promise<void> =>
        keepPolicies(cluster, { installationId, owners: [ownerId], hasJobs: () => Promise.resolve(isUsed), sure });
      await put(true);
      const [made] = await policies(installationId);
      await cluster.mark(made!, { labels: { 'fog-compute/installation': 'changed', 'fog-compute/owner': null } });
      await put(true);
      expect((await policies(installationId))[0]?.metadata.labels).toEqual(policy.metadata.labels);
      const [again] = await policies(installationId);
      await cluster.mark(again!, { labels: { 'fog-compute/owner': 'changed' } });
      await keepShared(cluster, [policy]);
      expect((await policies(installationId))[0]?.metadata.labels).toEqual(policy.metadata.labels);
      const [last] = await policies(installationId);
      await cluster.remove(last!);
      await put(false);
      expect(await policies(installationId)).toEqual([]);
    });

    it('is one object however many ask for it at once', async () => {
      const installationId = randomUUID();
      const policy = tenantPolicy(aSpec(), installationId);
      await Promise.all(Array.from({ length: 5 }, () => keepShared(cluster, [policy])));
      expect(await policies(installationId)).toHaveLength(1);
      await expect(keepShared(cluster, [tenantPolicy({ ownerId: policy.metadata.name.slice(10) }, randomUUID())])).rejects.toMatchObject({
        failure: 'unfit',
      });
    });
  });
});

/** As published, without the description of its members. */
const HTTP_ROUTES = {
  metadata: {
    name: 'httproutes.gateway.networking.k8s.io',
    annotations: { 'api-approved.kubernetes.io': 'https://github.com/kubernetes-sigs/gateway-api/pull/2466' },
  },
  spec: {
    group: 'gateway.networking.k8s.io',
    names: { kind: 'HTTPRoute', plural: 'httproutes', singular: 'httproute', listKind: 'HTTPRouteList' },
    scope: 'Namespaced',
    versions: [
      {
        ...{ name: 'v1', served: true, storage: true },
        schema: {
          openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', x_kubernetes_preserve_unknown_fields: true } } },
        },
      },
    ],
  },
};
