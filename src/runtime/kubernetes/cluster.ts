import type {
  ConfigurationOptions,
  CoreV1Event,
  V1Job,
  V1JobList,
  V1Node,
  V1Pod,
  V1PodList,
  V1ResourceRule,
} from '@kubernetes/client-node';
import { throwIfAborted } from '../abort';
import { boundedCall, type CallOptions } from '../bounded-call';
import { askAgain } from './ask-again';
import type { ClusterClient, Purpose } from './cluster-client';
import { ClusterObjects } from './cluster-objects';
import { withDates } from './dates';
import { isConflict, isNotFound, toDriverError } from './kubernetes-errors';
import { LABEL, objectName, selectorOf } from './labels';
import type { Shown } from './observe';
import { othersPods } from './others-pods';
import { pagesOf } from './pages';
import type { ReplicaNews } from './replica-news';
import type { NamespaceState } from './rights';

const READ_MS = 10_000;
const LIST_MS = 30_000;
const WRITE_MS = 30_000;
const SETTLE_MS = 5_000;
const MERGE_PATCH = 'application/merge-patch+json';

/** The calls to one cluster under one signal. Every failure is a DriverError; what is not there is null or an empty list. */
export class Cluster {
  /** What is made beside Jobs. */
  readonly objects: ClusterObjects;
  private readonly namespace: string;

  constructor(
    private readonly client: ClusterClient,
    private readonly signal: AbortSignal,
    private readonly installationId: string,
    readonly news: ReplicaNews,
    private readonly purpose: Purpose,
  ) {
    this.namespace = client.access.namespace;
    this.objects = new ClusterObjects(client, signal, purpose);
  }

  job(name: string): Promise<V1Job | null> {
    return this.orNull({ doing: 'look for a Job', timeoutMs: READ_MS }, (options) =>
      this.client.batch.readNamespacedJob({ name, namespace: this.namespace }, options),
    );
  }

  /** The Pods of a replica. `fresh`: as they are now; otherwise as the API server remembers them, which costs it less. */
  pods(wanted: { deploymentId?: string; replicaId?: string }, { fresh = true } = {}): Promise<V1Pod[]> {
    const query = { labelSelector: this.selector(wanted), ...(fresh ? {} : { resourceVersion: '0' }) };
    return this.list<V1Pod>(`/api/v1/namespaces/${this.namespace}/pods`, { doing: 'list the Pods', query });
  }

  jobs(wanted: { deploymentId?: string }): Promise<V1Job[]> {
    const query = { labelSelector: this.selector(wanted) };
    return this.list<V1Job>(`/apis/batch/v1/namespaces/${this.namespace}/jobs`, { doing: 'list the Jobs', query });
  }

  /** The state of the cluster that a watch of these can begin with. */
  async versionOf(kind: 'Pods' | 'Jobs'): Promise<string> {
    const param = { namespace: this.namespace, limit: 1 };
    const { metadata } = await this.call<V1PodList | V1JobList>({ doing: `list the ${kind}`, timeoutMs: LIST_MS }, (options) =>
      kind === 'Pods' ? this.client.core.listNamespacedPod(param, options) : this.client.batch.listNamespacedJob(param, options),
    );
    return metadata?.resourceVersion ?? '';
  }

  /** Whether there is a Job with these labels, now. */
  readonly hasJobs = async (labels: Readonly<Record<string, string>>): Promise<boolean> => {
    const labelSelector = Object.entries(labels)
      .map(([key, value]) => `${key}=${value}`)
      .join(',');
    const param = { namespace: this.namespace, labelSelector, limit: 1 };
    const { items } = await this.call({ doing: 'list the Jobs', timeoutMs: LIST_MS }, (options) =>
      this.client.batch.listNamespacedJob(param, options),
    );
    return items.length > 0;
  };

  /** What the cluster has told of an object, the newest last. By its uid: another one of that name may have been there before. */
  async events(uid: string): Promise<CoreV1Event[]> {
    const param = { namespace: this.namespace, fieldSelector: `involvedObject.uid=${uid}` };
    const { items } = await this.call({ doing: 'read the events', timeoutMs: READ_MS }, (options) =>
      this.client.core.listNamespacedEvent(param, options),
    );
    const at = ({ lastTimestamp, metadata }: CoreV1Event): number => (lastTimestamp ?? metadata.creationTimestamp)?.getTime() ?? 0;
    return items.sort((a, b) => at(a) - at(b));
  }

  /** Null when it is there already. */
  createJob(body: V1Job): Promise<V1Job | null> {
    return this.changing(() =>
      this.create('create a Job', (options) => this.client.batch.createNamespacedJob({ namespace: this.namespace, body }, options)),
    );
  }

  /** Merges into the Job; null when there is none. */
  patchJob(name: string, body: object): Promise<V1Job | null> {
    const limits = { doing: 'change a Job', timeoutMs: WRITE_MS, settleMs: SETTLE_MS, contentType: MERGE_PATCH };
    return this.changing(() =>
      this.orNull(limits, (options) => this.client.batch.patchNamespacedJob({ name, namespace: this.namespace, body }, options)),
    );
  }

  /** The Job stays visible until its Pods are gone. */
  async deleteJob(name: string): Promise<void> {
    const param = { name, namespace: this.namespace, propagationPolicy: 'Foreground' };
    await this.changing(() =>
      this.orNull({ doing: 'remove a Job', timeoutMs: WRITE_MS }, (options) => this.client.batch.deleteNamespacedJob(param, options)),
    );
  }

  /** A Pod that is going already goes sooner, and never later. */
  async deletePod(name: string, gracePeriodSeconds: number): Promise<void> {
    const param = { name, namespace: this.namespace, gracePeriodSeconds };
    await this.changing(() =>
      this.orNull({ doing: 'end a Pod', timeoutMs: WRITE_MS }, (options) => this.client.core.deleteNamespacedPod(param, options)),
    );
  }

  /**
   * What is there of a replica; null when nothing is. A Job of somebody else that has its name does not count. `known`: its Pods, where
   * they have just been listed.
   */
  async shown(replicaId: string, known?: readonly V1Pod[]): Promise<Shown | null> {
    const [found, pods] = await Promise.all([this.job(objectName(replicaId)), known ?? this.pods({ replicaId })]);
    const job = found?.metadata?.labels?.[LABEL.installation] === this.installationId ? found : null;
    return job === null && pods.length === 0 ? null : { job, pods };
  }

  /** The machines of the node. */
  async machines(): Promise<V1Node[]> {
    const labelSelector = Object.entries(this.client.access.nodeSelector)
      .map(([key, value]) => `${key}=${value}`)
      .join(',');
    const { items } = await this.call({ doing: 'list the machines', timeoutMs: LIST_MS }, (options) =>
      this.client.core.listNode({ labelSelector }, options),
    );
    return items;
  }

  /** The Pods that hold something of a machine, apart from those of this node. */
  othersPods(nodeId: string): Promise<V1Pod[]> {
    return othersPods(this.client, nodeId, this.signal);
  }

  /** How it stands with the namespace. Needs a right that is not among those of the role that is delivered. */
  async namespaceState(): Promise<NamespaceState> {
    const found = await this.orNull({ doing: 'read the namespace', timeoutMs: READ_MS }, (options) =>
      this.client.core.readNamespace({ name: this.namespace }, options),
    );
    if (found === null) return 'missing';
    return found.metadata?.deletionTimestamp === undefined ? 'there' : 'ending';
  }

  /** The rules that give the account its rights in the namespace; null when the cluster does not know them all. */
  async rules(): Promise<V1ResourceRule[] | null> {
    const body = { spec: { namespace: this.namespace } };
    const { status } = await this.call({ doing: 'tell the rights of the account', timeoutMs: READ_MS }, (options) =>
      this.client.authorization.createSelfSubjectRulesReview({ body }, options),
    );
    return status === undefined || status.incomplete ? null : status.resourceRules;
  }

  /** The same for one cluster for as long as it exists. */
  async uid(): Promise<string> {
    const { metadata } = await this.call({ doing: 'read the namespace kube-system', timeoutMs: READ_MS }, (options) =>
      this.client.core.readNamespace({ name: 'kube-system' }, options),
    );
    return metadata?.uid ?? '';
  }

  async version(): Promise<string> {
    const { gitVersion } = await this.call({ doing: 'tell its version', timeoutMs: READ_MS }, (options) =>
      this.client.version.getCode({}, options),
    );
    return gitVersion;
  }

  /** All objects at a path. */
  private async list<T>(path: string, { doing, query }: { doing: string; query: Readonly<Record<string, string>> }): Promise<T[]> {
    const all: T[] = [];
    const pages = pagesOf<T>((page) =>
      this.inTurn(() =>
        boundedCall({ signal: this.signal, doing, timeoutMs: LIST_MS, toDriverError }, (signal) =>
          askAgain(() => this.client.call('GET', path, { query: { ...query, ...page }, signal }), signal),
        ),
      ),
    );
    for await (const items of pages) for (const item of items) all.push(withDates(item));
    return all;
  }

  /** What was changed is told later than it is done; until then lists from memory have to know of it. */
  private async changing<T>(change: () => Promise<T>): Promise<T> {
    try {
      return await change();
    } finally {
      this.news.noteChange();
    }
  }

  private selector(wanted: { deploymentId?: string; replicaId?: string }): string {
    return selectorOf({ installationId: this.installationId, ...wanted });
  }

  private async create<T>(doing: string, work: (options: ConfigurationOptions) => Promise<T>): Promise<T | null> {
    try {
      return await this.call({ doing, timeoutMs: WRITE_MS, settleMs: SETTLE_MS, unless: isConflict }, work);
    } catch (error) {
      if (isConflict(error)) return null;
      throw error;
    }
  }

  private async orNull<T>(limits: Limits, work: (options: ConfigurationOptions) => Promise<T>): Promise<T | null> {
    try {
      return await this.call({ ...limits, unless: isNotFound }, work);
    } catch (error) {
      if (isNotFound(error)) return null;
      throw error;
    }
  }

  private call<T>({ contentType, ...limits }: Limits, work: (options: ConfigurationOptions) => Promise<T>): Promise<T> {
    const { Observable } = this.client.library;
    const bounded = { ...limits, signal: this.signal, toDriverError };
    return this.inTurn(() =>
      boundedCall(bounded, (abortSignal) => {
        const options: ConfigurationOptions = {
          middlewareMergeStrategy: 'append',
          middleware: [
            {
              pre: (context) => {
                context.setSignal(abortSignal);
                if (contentType !== undefined) context.setHeaderParam('Content-Type', contentType);
                return new Observable(Promise.resolve(context));
              },
              post: (context) => new Observable(Promise.resolve(context)),
            },
          ],
        };
        return askAgain(() => work(options), abortSignal);
      }),
    );
  }

  private async inTurn<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await this.client.turns.run(this.purpose, this.signal, call);
    } catch (error) {
      throwIfAborted(this.signal);
      throw error;
    }
  }
}

interface Limits extends Omit<CallOptions, 'signal'> {
  readonly contentType?: string;
}
