import type { V1Pod } from '@kubernetes/client-node';
import { LABEL, objectName } from '../../src/runtime/kubernetes/labels';
import { deploy, inStatus, remove, statusOf, untilHealthy, untilNoWork } from '../support/deployments-under-test';
import { until } from '../support/until';
import { describeWithCluster } from './cluster-under-test';
import { NOTHING_LEFT, onKubernetes, ProductOnKubernetes } from './product-on-kubernetes';
import { SimulatedMachines } from './simulated-machines';

describeWithCluster('what may go wrong inside a cluster', () => {
  let product: ProductOnKubernetes;
  let machines: SimulatedMachines;
  beforeAll(async () => {
    machines = await SimulatedMachines.start(3, 110);
    product = await ProductOnKubernetes.start({}, { machines: machines.selector });
  });
  afterAll(async () => {
    await product?.close();
    await machines?.close();
  });

  const namespace = (): string => product.cluster.access.namespace;
  const pods = async (): Promise<V1Pod[]> => (await product.cluster.core.listNamespacedPod({ namespace: namespace() })).items;
  const untilNothingIsLeft = (): Promise<boolean> =>
    until(
      async () =>
        JSON.stringify(await product.left()) === JSON.stringify(NOTHING_LEFT) ||
        Promise.reject(new Error(JSON.stringify(await product.left()))),
      {
        what: 'nothing to be left',
      },
    );
  const untilReason = (id: string, words: RegExp): Promise<string> =>
    until(async () => (await statusOf(product.client, id)).replicas.map((each) => each.reason ?? '').find((each) => words.test(each)), {
      timeoutMs: 60_000,
      what: `the words ${String(words)}`,
    });
  /** Waits until so many others run than before, and gives the reasons of those that ran before. */
  const untilReplaced = (id: string, before: readonly string[], wanted: number): Promise<string[]> =>
    until(
      async () => {
        const { replicas } = await statusOf(product.client, id);
        const fresh = replicas.filter((each) => each.status === 'running' && !before.includes(each.id));
        return fresh.length >= wanted ? replicas.filter((each) => before.includes(each.id)).map((each) => each.reason ?? '') : null;
      },
      { timeoutMs: 90_000, what: 'the replacement' },
    );
  const running = async (id: string): Promise<string[]> =>
    inStatus(await untilHealthy(product.client, id, 60_000), 'running').map((each) => each.id);

  it('leaves a node with all of its machines, and shows the largest of them', async () => {
    const amount = (cores: number): object => ({ cpu_cores: cores, memory_mb: cores * 1024 });
    expect(await product.node()).toMatchObject({ ...amount(3_000), largest_machine: amount(1_000) });
  });

  it('is told in the words of a LimitRange and of an admission policy, under the restricted Pod Security of the namespace', async () => {
    const { core, config, library } = product.cluster;
    await core.createNamespacedLimitRange({
      namespace: namespace(),
      body: { metadata: { name: 'small' }, spec: { limits: [{ type: 'Container', max: { memory: '8Mi' } }] } },
    });
    const limited = await deploy(product.client, 'limited', onKubernetes());
    await untilReason(limited, /maximum memory usage per Container is 8Mi/);
    await core.deleteNamespacedLimitRange({ name: 'small', namespace: namespace() });
    await untilHealthy(product.client, limited, 90_000);
    await remove(product.client, limited);

    const admission = config.makeApiClient(library.AdmissionregistrationV1Api);
    const name = namespace();
    const match = { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': name } } };
    const template = { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'i' }] } };
    const body = { metadata: { name: 'attempt' }, spec: { template } };
    const isInForce = (): Promise<boolean> =>
      product.cluster.batch.createNamespacedJob({ namespace: name, body, dryRun: 'All' }).then(
        () => false,
        (error: unknown) => /ticket number/.test(String(error)),
      );
    await admission.createValidatingAdmissionPolicy({
      body: {
        metadata: { name },
        spec: {
          failurePolicy: 'Fail',
          matchConstraints: { resourceRules: [{ apiGroups: ['batch'], apiVersions: ['v1'], operations: ['CREATE'], resources: ['jobs'] }] },
          validations: [{ expression: 'false', message: 'Jobs need a ticket number' }],
        },
      },
    });
    await admission.createValidatingAdmissionPolicyBinding({
      body: { metadata: { name }, spec: { policyName: name, validationActions: ['Deny'], matchResources: match } },
    });
    try {
      await until(isInForce, { what: 'the policy to be in force' });
      const refused = await deploy(product.client, 'refused', onKubernetes());
      await until(async () => JSON.stringify(await statusOf(product.client, refused)).includes('Jobs need a ticket number'), {
        timeoutMs: 60_000,
        what: 'the words of the policy',
      });
      await remove(product.client, refused);
    } finally {
      await admission.deleteValidatingAdmissionPolicyBinding({ name });
      await admission.deleteValidatingAdmissionPolicy({ name });
    }
    await until(async () => !(await isInForce()), { what: 'the policy to be gone' });
    await untilNothingIsLeft();
  });

  it('is repaired when somebody suspends, empties or removes what is ours, and what labels were taken from goes, too', async () => {
    const id = await deploy(product.client, 'by-hand', onKubernetes({ replicas: 4 }));
    const before = await running(id);
    const [suspended, emptied, removed] = before.map(objectName) as [string, string, string];
    const job = (name: string): string => `/apis/batch/v1/namespaces/${namespace()}/jobs/${name}`;
    await product.patch(job(suspended), { spec: { suspend: true } });
    await product.patch(job(emptied), { spec: { parallelism: 0 } });
    await product.cluster.batch.deleteNamespacedJob({ name: removed, namespace: namespace(), propagationPolicy: 'Background' });
    const strippedPod = (await pods()).find(({ metadata }) => metadata?.labels?.[LABEL.replica] === before[3])?.metadata?.name ?? '';
    await product.patch(`/api/v1/namespaces/${namespace()}/pods/${strippedPod}`, { metadata: { labels: { [LABEL.installation]: null } } });
    const reasons = await untilReplaced(id, before, 3);
    expect(reasons.join()).toMatch(/Somebody has suspended its Job/);
    await remove(product.client, id);
    await untilNothingIsLeft();
  });

  it('is told in the ledger when a finalizer keeps what was deleted, and ends when that ends', async () => {
    const id = await deploy(product.client, 'kept', onKubernetes());
    await running(id);
    const name = (await pods())[0]?.metadata?.name ?? '';
    await product.patch(`/api/v1/namespaces/${namespace()}/pods/${name}`, { metadata: { finalizers: ['guard.example/keep'] } });
    await remove(product.client, id);
    const ledger = async (): Promise<string> => JSON.stringify((await product.client.get(`/api/deployment/${id}/deletion`)).body);
    await until(async () => /kept in the cluster by the finalizer guard.example/.test(await ledger()), {
      timeoutMs: 90_000,
      what: 'the words in the ledger',
    });
    await product.patch(`/api/v1/namespaces/${namespace()}/pods/${name}`, { metadata: { finalizers: null } });
    await until(async () => (await untilNoWork(product.client, id, 90_000)).status === 'deleted', { what: 'the end' });
    await untilNothingIsLeft();
  });

  it('moves replicas from a machine that has died, and says so until it is gone', async () => {
    const id = await deploy(product.client, 'dead-machine', onKubernetes({ replicas: 3 }));
    const before = await running(id);
    const dead = (await pods())[0]?.spec?.nodeName ?? '';
    const hit = (await pods()).filter(({ spec }) => spec?.nodeName === dead).map(({ metadata }) => metadata?.labels?.[LABEL.replica] ?? '');
    machines.fallSilent(dead);
    const reasons = await untilReplaced(id, before, hit.length);
    expect(reasons.join()).toMatch(/Its machine in the cluster does not answer/);
    await remove(product.client, id);
    const ledger = async (): Promise<string> => JSON.stringify((await product.client.get(`/api/deployment/${id}/deletion`)).body);
    await until(async () => /The machine simulated-\w+ of its Pod does not answer/.test(await ledger()), {
      timeoutMs: 90_000,
      what: 'the words in the ledger',
    });
    await machines.removeMachine(dead);
    await until(async () => (await pods()).length === 0, { timeoutMs: 150_000, what: 'the cluster to forget its Pods' });
    await until(async () => (await untilNoWork(product.client, id, 60_000)).status === 'deleted', { what: 'the end' });
    await untilNothingIsLeft();
  }, 400_000);

  it('names the rights that an account lacks, and an account that was revoked', async () => {
    const rbac = product.cluster.config.makeApiClient(product.cluster.library.RbacAuthorizationV1Api);
    const role = await rbac.readNamespacedRole({ name: namespace(), namespace: namespace() });
    const less = { ...role, rules: role.rules?.filter(({ resources }) => resources?.includes('secrets') !== true) };
    await rbac.replaceNamespacedRole({ name: namespace(), namespace: namespace(), body: less });
    await until(
      async () => /lacks rights in namespace .*: create, get, list, patch, delete secrets/.test((await product.node()).last_error ?? ''),
      {
        timeoutMs: 60_000,
        what: 'the words',
      },
    );
    expect((await product.node()).status).not.toBe('offline');
    const { metadata, ...rest } = role;
    await rbac.replaceNamespacedRole({ name: namespace(), namespace: namespace(), body: { ...rest, metadata: { name: metadata?.name } } });
    await until(async () => (await product.node()).last_error === null, { timeoutMs: 60_000, what: 'no more words' });
    await product.cluster.core.deleteNamespacedServiceAccount({ name: namespace(), namespace: namespace() });
    await until(async () => /token has expired or was revoked/.test((await product.node()).last_error ?? ''), {
      timeoutMs: 60_000,
      what: 'the words',
    });
  });
});
