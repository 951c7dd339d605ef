import { randomUUID } from 'node:crypto';
import { deploy, inStatus, remove, statusOf, untilHealthy, untilNoWork } from '../support/deployments-under-test';
import { until } from '../support/until';
import { ApiProxy, type Interference } from './api-proxy';
import { describeWithCluster } from './cluster-under-test';
import { NOTHING_LEFT, onKubernetes, ProductOnKubernetes } from './product-on-kubernetes';

/** Longer than a cluster is trusted without being asked who it is. */
const WATCHED_MS = 35_000;

describeWithCluster('another cluster at the address of a node', () => {
  let proxy: ApiProxy;
  let product: ProductOnKubernetes;
  beforeAll(async () => {
    proxy = await new ApiProxy().start();
    product = await ProductOnKubernetes.start({ NODE_OFFLINE_AFTER_SECONDS: '8' }, { through: (config) => proxy.through(config) });
  });
  afterAll(async () => {
    await product?.close();
    await proxy?.close();
  });

  /** As a cluster answers that knows the same accounts and has nothing of ours. */
  const elsewhere = (asked: string): Interference => {
    const list = (kind: string): Interference => ({
      status: 200,
      body: { kind, apiVersion: 'v1', metadata: { resourceVersion: '1' }, items: [] },
    });
    if (asked === 'GET namespaces') {
      return { status: 200, body: { kind: 'Namespace', apiVersion: 'v1', metadata: { name: 'kube-system', uid } } };
    }
    if (asked.startsWith('LIST ') && asked !== 'LIST nodes') return list('List');
    if (asked.startsWith('GET ') && asked !== 'GET version')
      return { status: 404, body: { kind: 'Status', code: 404, message: 'not found' } };
    return 'pass';
  };
  const uid = randomUUID();
  const changesIn = (asked: readonly string[]): string[] =>
    asked.filter((each) => /^(POST|PUT|PATCH|DELETE) /.test(each) && each !== 'POST selfsubjectrulesreviews');

  it('is not used: nothing starts or ends there, and what runs elsewhere is not given up', async () => {
    const before = await deploy(product.client, 'before', onKubernetes());
    const kept = inStatus(await untilHealthy(product.client, before, 90_000), 'running').map(({ id }) => id);
    const leaving = await deploy(product.client, 'leaving', onKubernetes());
    await untilHealthy(product.client, leaving, 90_000);
    await untilNoWork(product.client, leaving);

    const swappedAt = proxy.asked.length;
    proxy.interfere = elsewhere;
    proxy.breakConnections();
    const removal = await remove(product.client, leaving, '?wait=1');
    expect(removal).toMatchObject({ status: 202, body: { resources_released: false } });
    await until(async () => /Another engine answers in place/.test((await product.node()).last_error ?? ''), { what: 'the words' });
    await new Promise((resolve) => setTimeout(resolve, WATCHED_MS));
    expect(changesIn(proxy.asked.slice(swappedAt))).toEqual([]);
    expect((await product.node()).status).toBe('offline');
    const { replicas } = await statusOf(product.client, before);
    expect(replicas.map(({ id, status }) => [id, status])).toEqual(kept.map((id) => [id, 'running']));

    proxy.interfere = () => 'pass';
    proxy.breakConnections();
    await until(async () => (await untilNoWork(product.client, leaving, 90_000)).status === 'deleted', {
      what: 'the end of what was leaving',
    });
    expect(inStatus(await untilHealthy(product.client, before, 60_000), 'running').map(({ id }) => id)).toEqual(kept);
    await remove(product.client, before);
    await until(async () => JSON.stringify(await product.left()) === JSON.stringify(NOTHING_LEFT), { what: 'nothing to be left' });
  }, 400_000);
});
