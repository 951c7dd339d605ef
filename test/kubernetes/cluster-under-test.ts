import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { Writable } from 'node:stream';
import type { V1Job } from '@kubernetes/client-node';
import type { NodeTarget } from '../../src/engines/node-target';
import { AllowedRegistries } from '../../src/runtime/allowed-registries';
import type { ClusterAccess, ClusterAccesses } from '../../src/runtime/kubernetes/cluster-access';
import { ClusterClient } from '../../src/runtime/kubernetes/cluster-client';
import { CONTAINER, jobFor } from '../../src/runtime/kubernetes/job-manifest';
import { KubernetesDriver } from '../../src/runtime/kubernetes/kubernetes.driver';
import { LABEL, objectName, selectorOf } from '../../src/runtime/kubernetes/labels';
import type { WorkloadSpec } from '../../src/runtime/runtime-driver';
import type { RuntimeUnderTest, Script } from '../contract/runtime-under-test';
import { until } from '../support/until';
import { FolderProvisioner } from './folder-provisioner';

const KUBECONFIG = process.env.KUBECONFIG_FOR_TESTS;
/** An image that the machines of the cluster have: busybox as a user who is not root. */
export const CLUSTER_IMAGE = process.env.KUBERNETES_TEST_IMAGE ?? 'fog-test/busybox:1';

/** A kubelet labels its machine so; those that other tests simulate have no kubelet, and would show Pods as running that never ran. */
export const REAL_MACHINES = { 'kubernetes.io/os': 'linux' };

/**
 * The limit of a container also slows down how the cluster makes it, which needs a tenth of a second of processor: with 0.01 cores it took
 * twenty seconds. Twenty of these fit on a small machine.
 */
export const STARTS_SOON_CORES = 0.05;

/** Tests that need a cluster. Without KUBECONFIG_FOR_TESTS they are skipped, which is said; in CI they never are. */
export const describeWithCluster = (name: string, tests: () => void): void => {
  if (KUBECONFIG !== undefined && existsSync(KUBECONFIG)) {
    describe(name, tests);
    return;
  }
  if (process.env.REQUIRE_KUBERNETES === '1') throw new Error('KUBECONFIG_FOR_TESTS names no kubeconfig: see CONTRIBUTING.md');
  process.stderr.write(`SKIPPED, no Kubernetes cluster (KUBECONFIG_FOR_TESTS is not set): ${name}\n`);
  describe.skip(name, tests);
};

/** The kubeconfig of the test cluster, or one whose server nobody listens at. */
export const kubeconfig = ({ away = false } = {}): string => {
  const text = readFileSync(KUBECONFIG ?? '', 'utf8');
  return away ? text.replace(/https:\/\/[^"\s]+/, 'https://127.0.0.1:1') : text;
};

/** A namespace of the test cluster that goes with everything in it. */
async function makeNamespace(client: ClusterClient): Promise<void> {
  await client.core.createNamespace({
    body: { metadata: { name: client.access.namespace, labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } } },
  });
  const account = async (): Promise<boolean> =>
    (await client.core.listNamespacedServiceAccount({ namespace: client.access.namespace })).items.length > 0;
  await until(account, { what: 'the service account of the namespace' });
}

export interface ClusterUnderTest extends RuntimeUnderTest {
  readonly driver: KubernetesDriver;
  readonly client: ClusterClient;
  readonly installationId: string;
  /** Another node that is the same cluster. */
  readonly twin: NodeTarget;
}

const REGISTRIES = new AllowedRegistries('docker.io,unlisted.invalid');

const nodeOf = (name: string): NodeTarget => ({ id: randomUUID(), name, runtime: 'kubernetes', endpoint: null });

interface UnderTestOptions {
  /** How the driver reaches the cluster; the client of the test reaches it directly. */
  readonly through?: string;
}

/** A driver on the real cluster, with a namespace and an installation id of its own. */
export async function clusterUnderTest({ through = kubeconfig() }: UnderTestOptions = {}): Promise<ClusterUnderTest> {
  const installationId = randomUUID();
  const [target, twin, away] = [nodeOf('cluster'), nodeOf('twin'), nodeOf('away')];
  const access: ClusterAccess = {
    ...{ kubeconfig: kubeconfig(), namespace: `fog-test-${installationId.slice(0, 8)}`, nodeSelector: REAL_MACHINES },
    ...{ ingressClass: null, gateway: null },
  };
  const accesses: ClusterAccesses = {
    nodes: () => Promise.resolve(new Set([target.id, twin.id])),
    of: (nodeId) =>
      Promise.resolve({ version: 1, access: { ...access, kubeconfig: nodeId === away.id ? kubeconfig({ away: true }) : through } }),
  };
  const client = await ClusterClient.of(access);
  await makeNamespace(client);
  const provisioner = await FolderProvisioner.start(client);
  const driver = new KubernetesDriver(accesses, {
    ...{
      installationId,
      gpuResource: 'nvidia.com/gpu',
      graceSeconds: 10,
      registries: REGISTRIES,
      unschedulableSeconds: 5,
      routerNetworks: [],
    },
  });
  const { namespace } = access;
  const podOf = async (replicaId: string): Promise<string> => {
    const { items } = await client.core.listNamespacedPod({ namespace, labelSelector: selectorOf({ installationId, replicaId }) });
    return items.at(-1)?.metadata?.name ?? '';
  };
  return {
    ...{ driver, client, installationId, target, twin, away, scripted },
    // A kubelet looks at its containers once a second, and the API server hears of it when both have time.
    tellsWithinMs: 30_000,
    // The cluster gives the Pod of a suspended Job 30 s, which a kubelet does not always shorten.
    endsWithinSeconds: 50,
    lacks: { hostPorts: true, samples: true, exitOfSuspended: true, offers: true },
    kill: async (replicaId) => exec(client, await podOf(replicaId), ['kill', '1']),
    vanish: async (replicaId) => {
      await client.batch.deleteNamespacedJob({ name: objectName(replicaId), namespace, propagationPolicy: 'Background' });
      await client.core.deleteNamespacedPod({ name: await podOf(replicaId), namespace, gracePeriodSeconds: 0 }).catch(() => undefined);
      await until(async () => (await driver.find(target, replicaId, new AbortController().signal)) === null, { what: 'it to be gone' });
    },
    decoy: (spec) => decoy(client, spec),
    close: async () => {
      driver.close();
      await provisioner?.close();
      await client.core.deleteNamespace({ name: namespace });
      client.close();
    },
  };
}

async function exec(client: ClusterClient, pod: string, command: string[]): Promise<void> {
  const nowhere = (): Writable => new Writable({ write: (_chunk, _encoding, done) => done() });
  const { Exec } = client.library;
  await new Promise<void>((resolve, reject) => {
    new Exec(client.config)
      .exec(client.access.namespace, pod, CONTAINER, command, nowhere(), nowhere(), null, false, () => resolve())
      .catch(reject);
  });
}

const ENDS_ON_TERM = `trap 'exit 143' TERM; while :; do sleep 0.1; done`;
const SCRIPTS: Record<Exclude<Script, 'missing-image'>, string> = {
  steady: ENDS_ON_TERM,
  unwell: ENDS_ON_TERM,
  stubborn: `trap '' TERM; while true; do sleep 1; done`,
  fails: 'exit 3',
  ends: 'exit 0',
  'out-of-memory': 'exec dd if=/dev/zero of=/dev/null bs=64M count=1',
  speaks: `echo "first $GREETING"; sleep 0.3; echo "second $GREETING" >&2; ${ENDS_ON_TERM}`,
};

function scripted(script: Script, spec: WorkloadSpec): WorkloadSpec {
  if (script === 'missing-image') return { ...spec, image: 'unlisted.invalid/nowhere:1' };
  const resources = { ...spec.resources, cpuCores: STARTS_SOON_CORES };
  return { ...spec, image: CLUSTER_IMAGE, command: ['sh', '-c', SCRIPTS[script]], resources };
}

/** Makes two Jobs that are not ours: one of another installation, and one of none. */
async function decoy(client: ClusterClient, spec: WorkloadSpec): Promise<() => Promise<boolean>> {
  const { namespace } = client.access;
  const almost = jobFor(scripted('steady', spec), {
    ...{
      installationId: randomUUID(),
      nodeId: randomUUID(),
      nodeSelector: REAL_MACHINES,
      gpuResource: 'none',
      graceSeconds: 10,
      registries: REGISTRIES,
    },
  });
  const none = Object.fromEntries(Object.entries(almost.metadata?.labels ?? {}).filter(([key]) => key !== LABEL.installation));
  const named = (name: string, labels: Record<string, string> | undefined): V1Job => ({
    ...almost,
    metadata: { name, labels },
    spec: { ...almost.spec, template: { ...almost.spec!.template, metadata: { labels } } },
  });
  const strangers = await Promise.all(
    [named(`decoy-1-${spec.replicaId}`, almost.metadata?.labels), named(`decoy-2-${spec.replicaId}`, none)].map((body) =>
      client.batch.createNamespacedJob({ namespace, body }),
    ),
  );
  const activeOnes = async (): Promise<number> => {
    const states = await Promise.all(
      strangers.map(({ metadata }) => client.batch.readNamespacedJob({ namespace, name: metadata?.name ?? '' })),
    );
    return states.filter(({ status }) => status?.active === 1).length;
  };
  await until(async () => (await activeOnes()) === 2, { what: 'the decoys to run' });
  return async () => (await activeOnes()) === 2;
}
