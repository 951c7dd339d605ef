import { within } from '../../common/within';
import type { EngineInfo } from '../../engines/engine-info';
import type { NodeTarget } from '../../engines/node-target';
import { ENGINE_TRAITS } from '../../engines/runtime-kinds';
import { throwIfAborted } from '../abort';
import type { AllowedRegistries } from '../allowed-registries';
import type { Entrance, Entrances, ShownEntrances } from '../entrances';
import type { MakeSure } from '../engine-identities';
import {
  DriverError,
  RuntimeDriver,
  type EnsureOptions,
  type FollowOptions,
  type LogLimits,
  type LogLine,
  type ObservedWorkload,
  type StopOptions,
  type WorkloadLog,
  type WorkloadSample,
  type WantedImage,
  type WorkloadSpec,
} from '../runtime-driver';
import { capacityOf } from './capacity';
import { watchChanges } from './changes';
import { ClusterVolumes } from './claims';
import type { Cluster } from './cluster';
import type { ClusterClient } from './cluster-client';
import { ClusterClients } from './cluster-clients';
import type { ClusterAccesses } from './cluster-access';
import { endReplica, suspendReplica } from './end';
import { bringEntrances, removeStrayEntrances } from './entrances';
import { toDriverError } from './kubernetes-errors';
import { LiveNodes } from './live-nodes';
import { Measurements } from './measurements';
import { NodeClusters } from './node-clusters';
import { observe } from './observe';
import { followPod, podLog } from './pod-log';
import { isAwaitingCheck, listed, observed } from './observed';
import { mayGet, namespaceTrouble, rightsTrouble } from './rights';
import { startReplica } from './start';
import { keepPolicies, releaseUnused } from './shared';
import { machineMetrics, podSample, usageOf } from './usage';

const INFO_MS = 8_000;
/** A connection may be dead and not know it, so that what is told is not relied on for longer. */
const LIST_AGE_MS = 60_000;
const TIDY_EVERY_MS = 300_000;

export interface KubernetesDriverOptions {
  readonly installationId: string;
  readonly gpuResource: string;
  /** Between SIGTERM and SIGKILL, where nobody asks for another time. */
  readonly graceSeconds: number;
  readonly registries: AllowedRegistries;
  /** From where routers outside of a cluster reach its Pods, as CIDR ranges. */
  readonly routerNetworks: readonly string[];
  /** For so long a cluster may be without a machine for a replica, before it is placed on another node. */
  readonly unschedulableSeconds: number;
}

/** Runs each replica as a Job of a Kubernetes cluster. A node is a cluster, or the machines of it that its selector names. */
export class KubernetesDriver extends RuntimeDriver {
  readonly kind = 'kubernetes';
  readonly traits = ENGINE_TRAITS.kubernetes;
  readonly localEngine = null;
  override readonly entrances: Entrances = { bring: (target, wanted, signal) => this.bring(target, wanted, signal) };
  override readonly volumes: ClusterVolumes;
  private readonly clients: ClusterClients;
  private readonly clusters: NodeClusters;
  private readonly measurements = new Measurements<EngineInfo>();
  private readonly lists = new Map<
    string,
    { readonly at: number; readonly changes: number; readonly workloads: readonly ObservedWorkload[] }
  >();
  private readonly nodes: LiveNodes;
  private readonly tidiedAt = new Map<string, number>();

  constructor(
    private readonly accesses: ClusterAccesses,
    private readonly options: KubernetesDriverOptions,
  ) {
    super();
    this.clients = new ClusterClients(accesses);
    this.clusters = new NodeClusters(this.clients, options.installationId);
    this.nodes = new LiveNodes(accesses);
    this.volumes = new ClusterVolumes(options.installationId, (target, signal, look) =>
      this.clusters.looking(target, signal, ({ objects }) => look(objects), 'change'),
    );
  }

  async info(target: NodeTarget, signal: AbortSignal): Promise<EngineInfo> {
    const client = await this.clients.of(target.id);
    try {
      return await within(INFO_MS, signal, async (limited) => {
        const engineId = await this.clusters.confirm(target, client, limited);
        const measure = (patient: AbortSignal): Promise<EngineInfo> =>
          this.measure(client, this.clusters.unchecked(target, client, patient), { engineId, nodeId: target.id, signal: patient });
        return this.measurements.of(`${target.id} ${engineId}`, measure, limited);
      });
    } catch (error) {
      if (!(error instanceof DriverError) || signal.aborted) throw error;
      if (error.failure === 'aborted') throw new DriverError('unreachable', 'The cluster of this node does not answer', { cause: error });
      throw error.failure === 'timeout' ? new DriverError('unreachable', error.message, { cause: error }) : error;
    }
  }

  async ensure(target: NodeTarget, spec: WorkloadSpec, { resumeRunAt = null, ...asked }: EnsureOptions): Promise<void> {
    const client = await this.clients.of(target.id);
    const { installationId, gpuResource, graceSeconds, registries, unschedulableSeconds } = this.options;
    const place = { installationId, nodeId: target.id, gpuResource, graceSeconds, registries, nodeSelector: client.access.nodeSelector };
    const options = { ...asked, resumeRunAt, patienceMs: unschedulableSeconds * 1000 };
    try {
      await startReplica(await this.clusters.of(target, asked.signal, 'change'), spec, place, options);
    } catch (error) {
      this.tidiedAt.delete(target.id); // what was made for the start may be left
      throw error;
    }
  }

  async suspend(target: NodeTarget, replicaId: string, options: StopOptions): Promise<void> {
    await this.clusters.looking(target, options.signal, (cluster) => suspendReplica(cluster, replicaId, options), 'change');
  }

  async remove(target: NodeTarget, replicaId: string, options: StopOptions): Promise<void> {
    let isWhole = false;
    try {
      isWhole = await this.clusters.looking(target, options.signal, (cluster) => endReplica(cluster, replicaId, options), 'change');
    } finally {
      if (!isWhole) this.tidiedAt.delete(target.id); // the Job may be gone without what it shared
    }
  }

  /**
   * Two calls for each 250 workloads. While the cluster tells its changes and there was none, the list of a whole node is the
   * one of before: a node is looked at every few seconds, and a list of a thousand Pods is ten megabytes.
   */
  async list(target: NodeTarget, filter: { deploymentId?: string }, signal: AbortSignal): Promise<readonly ObservedWorkload[]> {
    const cluster = await this.clusters.of(target, signal);
    const others = await this.nodes.besides(target.id);
    const look = (): Promise<readonly ObservedWorkload[]> =>
      this.clusters.looking(target, signal, (fresh) => listed(fresh, filter, others));
    if (filter.deploymentId !== undefined) return look();
    const { isTold, changes } = cluster.news;
    const known = this.lists.get(target.id);
    const isCurrent = known?.changes === changes && performance.now() - known.at < LIST_AGE_MS && !isAwaitingCheck(known.workloads);
    if (known !== undefined && isTold && isCurrent) return known.workloads;
    const at = performance.now();
    const workloads = await look();
    this.lists.set(target.id, { at, changes, workloads });
    return workloads;
  }

  find(target: NodeTarget, replicaId: string, signal: AbortSignal): Promise<ObservedWorkload | null> {
    return this.clusters.looking(target, signal, async (cluster) => {
      const shown = await cluster.shown(replicaId);
      return shown && ((await observed(cluster, [shown]))[0] ?? null);
    });
  }

  /** The machines of a cluster pull by themselves, and nobody can ask what they could pull. */
  async offersImage(target: NodeTarget, { image }: WantedImage, signal: AbortSignal): Promise<boolean> {
    const machines = await (await this.clusters.of(target, signal)).machines();
    const names = machines.flatMap(({ status }) => (status?.images ?? []).flatMap((each) => each.names ?? []));
    if (names.some((name) => name === image || name === `docker.io/${image}` || name === `docker.io/library/${image}`)) return true;
    throw new DriverError('timeout', 'A cluster cannot tell whether its machines can pull an image');
  }

  async logs(target: NodeTarget, replicaId: string, limits: LogLimits, signal: AbortSignal): Promise<WorkloadLog> {
    const client = await this.clients.of(target.id);
    const pods = await (await this.clusters.of(target, signal)).pods({ replicaId });
    const pod = pods.at(-1);
    if (pod === undefined || !observe({ job: null, pods: [pod] }).hasRun) return { lines: [], cut: false, error: null };
    try {
      return await podLog(client, pod, limits, signal);
    } catch (error) {
      throwIfAborted(signal);
      throw toDriverError(error, 'read the log');
    }
  }

  async follow(target: NodeTarget, replicaId: string, options: FollowOptions): Promise<AsyncIterable<LogLine> | null> {
    const client = await this.clients.of(target.id);
    const pod = (await (await this.clusters.of(target, options.signal)).pods({ replicaId })).at(-1);
    if (pod === undefined || !observe({ job: null, pods: [pod] }).hasRun) return null;
    try {
      return await followPod(client, pod, options);
    } catch (error) {
      throwIfAborted(options.signal);
      throw toDriverError(error, 'read the logs');
    }
  }

  /** From the metrics API. Throws `unfit` where a cluster has none, and while it has not measured the Pod yet. */
  async sample(target: NodeTarget, replicaId: string, signal: AbortSignal): Promise<WorkloadSample | null> {
    const cluster = await this.clusters.of(target, signal);
    const shown = await cluster.shown(replicaId);
    const phase = shown && observe(shown).phase;
    if (phase !== 'running' && phase !== 'unhealthy') return null;
    const sample = podSample(await cluster.objects.read('PodMetrics', shown?.pods.at(-1)?.metadata?.name ?? ''));
    if (sample === null)
      throw new DriverError('unfit', 'The cluster has not measured what it uses: its metrics API is missing, or has not seen it yet');
    return sample;
  }

  async watch(
    target: NodeTarget,
    onChange: (change: { deploymentId: string; replicaId: string }) => void,
    signal: AbortSignal,
  ): Promise<void> {
    if (signal.aborted) return;
    const client = await this.clients.of(target.id);
    await this.clusters.require(target, client, signal);
    const { installationId } = this.options;
    const news = this.clusters.newsOf(target);
    try {
      await watchChanges(client, (limited) => this.clusters.unchecked(target, client, limited), {
        installationId,
        signal,
        onTold: () => (news.isTold = true),
        isCurrent: async () => (await this.clients.of(target.id)) === client,
        onChange: ({ deploymentId, replicaId, pod, isNews }) => {
          news.noteChange();
          if (pod !== undefined) news.note(replicaId, pod);
          if (isNews) onChange({ deploymentId, replicaId });
        },
      });
    } finally {
      news.isTold = false;
      this.clusters.forget(target); // a cluster that takes the place of another one breaks the watches
    }
  }

  /** Removes what outlived its Jobs or its node: a process ended between two removals, or somebody removed a Job by hand. */
  async tidy(target: NodeTarget, signal: AbortSignal): Promise<void> {
    if (performance.now() - (this.tidiedAt.get(target.id) ?? -TIDY_EVERY_MS) < TIDY_EVERY_MS) return;
    // Noted first: what a call leaves behind meanwhile asks for another time.
    this.tidiedAt.set(target.id, performance.now());
    try {
      const cluster = await this.clusters.of(target, signal);
      const users = (await cluster.jobs({})).map(({ metadata }) => metadata?.labels ?? {});
      const { installationId } = this.options;
      await releaseUnused(cluster.objects, { installationId, users, hasJobs: cluster.hasJobs });
      const live = await this.accesses.nodes();
      await removeStrayEntrances(cluster.objects, installationId, (id) => id === target.id || live.has(id));
    } catch (error) {
      this.tidiedAt.delete(target.id);
      throw error;
    }
  }

  private async bring(target: NodeTarget, wanted: () => Promise<readonly Entrance[]>, signal: AbortSignal): Promise<ShownEntrances> {
    const { access } = await this.clients.of(target.id);
    const { installationId, routerNetworks } = this.options;
    const place = { installationId, nodeId: target.id, access, routerNetworks };
    const bringing = async ({ objects, hasJobs }: Cluster, sure: MakeSure): Promise<ShownEntrances> => {
      const { owners, ...shown } = await bringEntrances(objects, place, { wanted, sure });
      // Whatever keeps a policy from being put back is told by the next start, and is no trouble of what leads to deployments.
      await keepPolicies(objects, { installationId, owners, hasJobs, sure }).catch(() => undefined);
      return shown;
    };
    return this.clusters.looking(target, signal, bringing, 'change');
  }

  close(): void {
    this.clients.close();
  }

  private async measure(
    client: ClusterClient,
    cluster: Cluster,
    { engineId, nodeId, signal }: { readonly engineId: string; readonly nodeId: string; readonly signal: AbortSignal },
  ): Promise<EngineInfo> {
    const [version, machines, pods, metrics, trouble] = await Promise.all([
      ...([cluster.version(), cluster.machines(), cluster.othersPods(nodeId), machineMetrics(client, signal)] as const),
      troubleIn(cluster, client.access.namespace).catch(() => null), // whoever cannot ask hears of it when something is needed
    ]);
    const { machines: open, ...capacity } = capacityOf(machines, pods, { nodeId, gpuResource: this.options.gpuResource });
    return { engineId, version, isolation: null, trouble, ...capacity, ...usageOf(metrics, machines, open) };
  }
}

/** Why not everything can be made in the namespace, in words; null where nothing is known against it. */
async function troubleIn(cluster: Cluster, namespace: string): Promise<string | null> {
  const rules = await cluster.rules();
  if (rules === null) return null;
  // Most accounts may not look at it, and of a namespace that is gone their role has gone, too.
  const state = mayGet(rules, 'namespaces') ? await cluster.namespaceState() : null;
  return namespaceTrouble(state, namespace) ?? rightsTrouble(rules, namespace);
}
