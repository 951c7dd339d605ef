import { randomUUID } from 'node:crypto';
import type { CoordinationV1Api, V1Lease, V1Node, V1Pod } from '@kubernetes/client-node';
import { ClusterClient } from '../../src/runtime/kubernetes/cluster-client';
import { textLines } from '../../src/runtime/kubernetes/text-lines';
import { until } from '../support/until';
import { kubeconfig } from './cluster-under-test';

const LABEL = 'fog-test/machines';
/** Pods with this label are left as they are. */
export const LEFT_ALONE = { 'fog-test/left-alone': 'true' };
const LEASES = 'kube-node-lease';
const RENEW_MS = 4_000;
const AT_A_TIME = 16;

/** Machines of the test cluster that run nothing: whatever Pod they get is shown as running at once, and as gone when it is to end. */
export class SimulatedMachines {
  readonly selector = { [LABEL]: randomUUID().slice(0, 8) };
  private readonly abort = new AbortController();
  private readonly leases: CoordinationV1Api;
  private readonly renewed = new Map<string, V1Lease>();
  private readonly silent = new Set<string>();
  private readonly due: V1Pod[] = [];
  private working = 0;
  private timer: NodeJS.Timeout | undefined;

  private constructor(
    private readonly client: ClusterClient,
    readonly names: readonly string[],
    private readonly podsEach: number,
  ) {
    this.leases = client.config.makeApiClient(client.library.CoordinationV1Api);
  }

  static async start(count: number, podsEach: number): Promise<SimulatedMachines> {
    const client = await ClusterClient.of({
      kubeconfig: kubeconfig(),
      namespace: 'default',
      nodeSelector: {},
      ingressClass: null,
      gateway: null,
    });
    const names = Array.from({ length: count }, () => `simulated-${randomUUID().slice(0, 8)}`);
    const machines = new SimulatedMachines(client, names, podsEach);
    for (const name of names) await machines.add(name);
    machines.timer = setInterval(() => void machines.renew(), RENEW_MS);
    void machines.follow();
    // A cluster keeps Pods away from a machine that is new until it has seen that it is ready.
    const isOpen = async (): Promise<boolean> => (await machines.list()).every(({ spec }) => (spec?.taints ?? []).length === 0);
    await until(isOpen, { timeoutMs: 60_000, what: 'the machines to take Pods' });
    return machines;
  }

  private async list(): Promise<V1Node[]> {
    const labelSelector = Object.entries(this.selector).flat().join('=');
    return (await this.client.core.listNode({ labelSelector })).items;
  }

  /** From now on this machine does not answer. */
  fallSilent(name: string): void {
    this.silent.add(name);
  }

  /** Takes the machine out of the cluster, as somebody does who knows that it is gone. */
  async removeMachine(name: string): Promise<void> {
    await this.client.core.deleteNode({ name });
    await this.leases.deleteNamespacedLease({ name, namespace: LEASES });
  }

  async close(): Promise<void> {
    this.abort.abort();
    clearInterval(this.timer);
    await Promise.all(this.names.map((name) => this.removeMachine(name).catch(() => undefined)));
    this.client.close();
  }

  private async add(name: string): Promise<void> {
    const amounts = { cpu: '1000', memory: '1000Gi', 'ephemeral-storage': '5000Gi', pods: String(this.podsEach) };
    const conditions = [{ type: 'Ready', status: 'True', reason: 'KubeletReady', lastHeartbeatTime: new Date() }];
    const body: V1Node = { metadata: { name, labels: this.selector }, status: { capacity: amounts, allocatable: amounts, conditions } };
    await this.client.core.createNode({ body });
    this.renewed.set(name, await this.leases.createNamespacedLease({ namespace: LEASES, body: this.lease(name) }));
  }

  private async renew(): Promise<void> {
    const alive = this.names.filter((name) => !this.silent.has(name));
    const renewals = alive.map(async (name) => {
      const metadata = this.renewed.get(name)?.metadata;
      const body = { ...this.lease(name), metadata };
      this.renewed.set(name, await this.leases.replaceNamespacedLease({ name, namespace: LEASES, body }));
    });
    await Promise.allSettled(renewals);
  }

  private lease(name: string): V1Lease {
    const { V1MicroTime } = this.client.library;
    const spec = { holderIdentity: name, leaseDurationSeconds: 40, renewTime: new V1MicroTime() };
    return { metadata: { name, namespace: LEASES }, spec };
  }

  private async follow(): Promise<void> {
    while (!this.abort.signal.aborted) {
      try {
        const stream = await this.client.stream('/api/v1/pods', { query: { watch: 'true' }, signal: this.abort.signal });
        for await (const { text } of textLines(stream, 2 ** 20)) {
          const { type, object } = JSON.parse(text) as { type: string; object: V1Pod };
          if (type !== 'DELETED' && this.names.includes(object.spec?.nodeName ?? '')) this.take(object);
        }
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    }
  }

  private take(pod: V1Pod): void {
    this.due.push(pod);
    if (this.working < AT_A_TIME) void this.work();
  }

  private async work(): Promise<void> {
    this.working += 1;
    for (let pod = this.due.shift(); pod !== undefined; pod = this.due.shift()) await this.serve(pod).catch(() => undefined);
    this.working -= 1;
  }

  private async serve(pod: V1Pod): Promise<void> {
    const { name = '', namespace = '', deletionTimestamp } = pod.metadata ?? {};
    if (this.silent.has(pod.spec?.nodeName ?? '')) return;
    const isLeftAlone = Object.keys(LEFT_ALONE).some((label) => pod.metadata?.labels?.[label] !== undefined);
    if (isLeftAlone && deletionTimestamp === undefined) return;
    if (deletionTimestamp !== undefined) {
      await this.client.core.deleteNamespacedPod({ name, namespace, gracePeriodSeconds: 0 });
      return;
    }
    if (pod.status?.phase !== 'Pending') return;
    const fresh = await this.client.core.readNamespacedPod({ name, namespace });
    await this.client.core.replaceNamespacedPodStatus({ name, namespace, body: { ...fresh, status: running(fresh) } });
  }
}

function running({ spec, status }: V1Pod): V1Pod['status'] {
  const now = new Date();
  const conditions = ['Ready', 'ContainersReady', 'Initialized', 'PodScheduled'].map((type) => ({
    type,
    status: 'True',
    lastTransitionTime: now,
  }));
  const containerStatuses = (spec?.containers ?? []).map(({ name, image = '' }) => ({
    ...{ name, image, imageID: image, ready: true, started: true, restartCount: 0, state: { running: { startedAt: now } } },
  }));
  return { ...status, phase: 'Running', startTime: now, podIP: '198.19.255.1', conditions, containerStatuses };
}
