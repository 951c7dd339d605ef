import { Writable } from 'node:stream';
import type { V1Pod, V1Status } from '@kubernetes/client-node';
import { CONTAINER } from '../../src/runtime/kubernetes/job-manifest';
import { LABEL } from '../../src/runtime/kubernetes/labels';
import { deploy, untilHealthy } from '../support/deployments-under-test';
import { serving } from '../support/serving';
import { until } from '../support/until';
import { CLUSTER_IMAGE, describeWithCluster } from './cluster-under-test';
import { onKubernetes, ProductOnKubernetes } from './product-on-kubernetes';

/** Most network plugins for tests enforce no policies; `policies.sh` starts a cluster with one that does. */
const describeWhereEnforced = (name: string, tests: () => void): void => {
  if (process.env.POLICIES_ENFORCED === '1') return describeWithCluster(name, tests);
  process.stderr.write(`SKIPPED, no cluster that enforces NetworkPolicies (test/kubernetes/policies.sh starts one): ${name}\n`);
  describe.skip(name, tests);
};

/** What answers at 8080 and 8081. */
const web = (more: Record<string, unknown>): Record<string, unknown> => {
  const [shell, flag, script] = serving('hello');
  return onKubernetes({
    command: [
      shell,
      flag,
      `busybox mkdir /tmp/second; echo hello >/tmp/second/index.html; busybox httpd -p 8081 -h /tmp/second; ${script ?? ''}`,
    ],
    ports: [8080, 8081].map((container_port) => ({ container_port, protocol: 'tcp' })),
    read_only_root: true,
    ...more,
  });
};

describeWhereEnforced('policies that are enforced', () => {
  let product: ProductOnKubernetes;
  beforeAll(async () => {
    product = await ProductOnKubernetes.start();
  });
  afterAll(() => product?.close(), 60_000);

  const namespace = (): string => product.cluster.access.namespace;
  const podsOf = async (deployment: string): Promise<V1Pod[]> => {
    const labelSelector = `${LABEL.deployment}=${deployment}`;
    return (await product.cluster.core.listNamespacedPod({ namespace: namespace(), labelSelector })).items;
  };
  const project = async (name: string): Promise<string> =>
    ((await product.client.post('/api/projects', { name })).body as { id: string }).id;

  /** A Pod that somebody has made beside ours. */
  async function stranger(name: string, where: string, labels: Record<string, string> = {}): Promise<V1Pod> {
    const { core } = product.cluster;
    const securityContext = {
      ...{ runAsNonRoot: true, allowPrivilegeEscalation: false, seccompProfile: { type: 'RuntimeDefault' } },
      capabilities: { drop: ['ALL'] },
    };
    await core.createNamespacedPod({
      namespace: where,
      body: { metadata: { name, labels }, spec: { containers: [{ name: CONTAINER, image: CLUSTER_IMAGE, securityContext }] } },
    });
    return until(
      async () => {
        const pod = await core.readNamespacedPod({ name, namespace: where });
        return pod.status?.phase === 'Running' ? pod : null;
      },
      { what: `the Pod ${name}` },
    );
  }

  /** Whether a process in this Pod gets an answer from that one. */
  async function reaches({ metadata }: V1Pod, to: V1Pod, port: number): Promise<boolean> {
    const { library, config } = product.cluster;
    const nowhere = (): Writable => new Writable({ write: (_chunk, _encoding, done) => done() });
    const command = [
      'busybox',
      'timeout',
      '3',
      'busybox',
      'wget',
      '-q',
      '-O',
      '/dev/null',
      `http://${to.status?.podIP ?? ''}:${String(port)}/`,
    ];
    const told = new Promise<V1Status>((resolve, reject) => {
      new library.Exec(config)
        .exec(metadata?.namespace ?? '', metadata?.name ?? '', CONTAINER, command, nowhere(), nowhere(), null, false, resolve)
        .catch(reject);
    });
    return (await told).status === 'Success';
  }
  /** The ports of `to` that these reach, once that has come to a rest: plugins follow a moment later. */
  const untilReached = (from: V1Pod, to: V1Pod, ports: readonly number[]): Promise<boolean> =>
    until(
      async () => {
        const reached: number[] = [];
        for (const port of [8080, 8081]) if (await reaches(from, to, port)) reached.push(port);
        if (JSON.stringify(reached) === JSON.stringify(ports)) return true;
        throw new Error(`reached: ${reached.join()}`);
      },
      { timeoutMs: 30_000, what: `${from.metadata?.name ?? ''} to reach ${ports.join() || 'nothing'}` },
    );

  it('keep projects apart, and let routers in to the ports of routes and to no others', async () => {
    const [one, two] = await Promise.all([project('one'), project('two')]);
    const routes = [{ port: 8080 }];
    const ids = await Promise.all([
      deploy(product.client, 'routed', web({ project: one, replicas: 2, routes })),
      deploy(product.client, 'plain', web({ project: one })),
      deploy(product.client, 'foreign', web({ project: two })),
    ]);
    for (const id of ids) await untilHealthy(product.client, id, 120_000);
    const [[routed, sibling], [plain], [foreign]] = (await Promise.all(ids.map(podsOf))) as [[V1Pod, V1Pod], [V1Pod], [V1Pod]];

    await untilReached(sibling, routed, [8080, 8081]);
    await untilReached(plain, routed, [8080, 8081]);
    await untilReached(routed, plain, [8080, 8081]);
    await untilReached(foreign, routed, []);
    await untilReached(foreign, plain, []);
    await untilReached(routed, foreign, []);

    const outside = await stranger('ingress-controller', 'default');
    const [beside, router] = [
      await stranger('stranger', namespace()),
      await stranger('router', namespace(), { 'fog-compute/router': 'true' }),
    ];
    try {
      await untilReached(outside, routed, [8080]);
      await untilReached(router, routed, [8080]);
      await untilReached(beside, routed, []);
      for (const pod of [outside, router, beside]) await untilReached(pod, plain, []);
    } finally {
      await product.cluster.core.deleteNamespacedPod({ name: 'ingress-controller', namespace: 'default', gracePeriodSeconds: 0 });
    }
  });
});
