import { throwIfAborted } from '../abort';
import { boundedCall } from '../bounded-call';
import { askAgain } from './ask-again';
import type { ClusterClient, Purpose } from './cluster-client';
import { isConflict, isNotFound, toDriverError } from './kubernetes-errors';
import { OURS } from './labels';

const CALL_MS = 30_000;
const SETTLE_MS = 5_000;

/** The kinds of objects that are made beside Jobs, with their interface and their name in addresses. */
const KINDS = {
  Pod: ['v1', 'pods'],
  Secret: ['v1', 'secrets'],
  PersistentVolumeClaim: ['v1', 'persistentvolumeclaims'],
  Service: ['v1', 'services'],
  EndpointSlice: ['discovery.k8s.io/v1', 'endpointslices'],
  NetworkPolicy: ['networking.k8s.io/v1', 'networkpolicies'],
  Ingress: ['networking.k8s.io/v1', 'ingresses'],
  PodDisruptionBudget: ['policy/v1', 'poddisruptionbudgets'],
  PodMetrics: ['metrics.k8s.io/v1beta1', 'pods'],
  HTTPRoute: ['gateway.networking.k8s.io/v1', 'httproutes'],
} as const;
export type Kind = keyof typeof KINDS;

/** An object of a cluster, as far as all kinds are alike. What else it has, such as `spec`, is JSON. */
export interface ClusterObject {
  readonly kind: Kind;
  readonly metadata: {
    readonly name: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly uid?: string;
    readonly resourceVersion?: string;
    readonly deletionTimestamp?: string;
    readonly finalizers?: readonly string[];
    readonly ownerReferences?: readonly unknown[];
  };
  readonly [member: string]: unknown;
}

interface Answer {
  readonly items?: readonly Omit<ClusterObject, 'kind'>[];
}

const METADATA_ONLY = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1';

/**
 * The objects of a namespace of a cluster, whatever their kind. What was read carries its version, and a change of it changes nothing
 * when somebody else has changed it since. Every failure is a DriverError.
 */
export class ClusterObjects {
  constructor(
    private readonly client: ClusterClient,
    private readonly signal: AbortSignal,
    private readonly purpose: Purpose,
  ) {}

  /** Empty also where the cluster has no such kind. `metadataOnly`: without what else the objects have. */
  async list(kind: Kind, labelSelector: string, { metadataOnly = false } = {}): Promise<ClusterObject[]> {
    const accept = metadataOnly ? { accept: METADATA_ONLY } : {};
    const answer = await this.call('GET', pathOf(this.namespace, kind), {
      doing: `list ${KINDS[kind][1]}`,
      query: { labelSelector },
      ...accept,
    });
    return ((answer as Answer | null)?.items ?? []).map((item) => ({ ...item, kind }) as ClusterObject);
  }

  /** Null when there is none. */
  async read(kind: Kind, name: string): Promise<ClusterObject | null> {
    return (await this.call('GET', pathOf(this.namespace, kind, name), { doing: `look for a ${kind}` })) as ClusterObject | null;
  }

  /** Null when one of that name is there already. */
  async create(object: ClusterObject): Promise<ClusterObject | null> {
    const body = { apiVersion: KINDS[object.kind][0], ...object };
    return (await this.call('POST', pathOf(this.namespace, object.kind), {
      doing: `create a ${object.kind}`,
      body,
      settleMs: SETTLE_MS,
      missing: 'fails',
    })) as ClusterObject | null;
  }

  /**
   * Puts `wanted` in the place of what was read, and keeps what others have written about it: their labels and annotations, finalizers
   * and owners. Null when it has changed since, or is gone.
   */
  async replace(read: ClusterObject, wanted: ClusterObject): Promise<ClusterObject | null> {
    const body = { apiVersion: KINDS[read.kind][0], ...wanted, metadata: mergedMetadata(read.metadata, wanted.metadata) };
    const path = pathOf(this.namespace, read.kind, read.metadata.name);
    return (await this.call('PUT', path, { doing: `change a ${read.kind}`, body, settleMs: SETTLE_MS })) as ClusterObject | null;
  }

  /** Sets labels and annotations of what was read, or takes away those that are null. Null when it has changed since, or is gone. */
  async mark(
    { kind, metadata: { name, resourceVersion } }: ClusterObject,
    marks: { readonly labels?: Marks; readonly annotations?: Marks },
  ): Promise<ClusterObject | null> {
    const body = { metadata: { ...marks, resourceVersion } };
    const options = { doing: `mark a ${kind}`, body, contentType: 'application/merge-patch+json', settleMs: SETTLE_MS };
    return (await this.call('PATCH', pathOf(this.namespace, kind, name), options)) as ClusterObject | null;
  }

  /** Removes what was read, unless it has changed since. */
  async remove({ kind, metadata: { name, uid, resourceVersion } }: ClusterObject): Promise<void> {
    this.client.seenShared.delete(`${kind} ${name}`);
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid, resourceVersion }, propagationPolicy: 'Background' };
    await this.call('DELETE', pathOf(this.namespace, kind, name), { doing: `remove a ${kind}`, body });
  }

  /** Notes that an object of this kind and name is there and as it should be; `wasSeen` is true for a moment then. */
  noteSeen({ kind, metadata: { name } }: ClusterObject): void {
    this.client.seenShared.set(`${kind} ${name}`, true);
  }

  wasSeen({ kind, metadata: { name } }: ClusterObject): boolean {
    return this.client.seenShared.has(`${kind} ${name}`);
  }

  private get namespace(): string {
    return this.client.access.namespace;
  }

  /** The answer; null when the object is not there, or is not as it was read. */
  private async call(method: string, path: string, { doing, settleMs, missing, ...request }: Call): Promise<unknown> {
    const isAnswer = (error: unknown): boolean => isConflict(error) || (missing !== 'fails' && isNotFound(error));
    const limits = { signal: this.signal, doing, timeoutMs: CALL_MS, toDriverError, unless: isAnswer };
    try {
      return await this.client.turns.run(this.purpose, this.signal, () =>
        boundedCall({ ...limits, ...(settleMs === undefined ? {} : { settleMs }) }, (signal) =>
          askAgain(() => this.client.call(method, path, { ...request, signal }), signal),
        ),
      );
    } catch (error) {
      if (isAnswer(error)) return null;
      throwIfAborted(this.signal);
      throw error;
    }
  }
}

/** Controllers of others, such as those of load balancers and certificates, keep their notes and their finalizers in what is ours. Pure. */
export function mergedMetadata(read: ClusterObject['metadata'], wanted: ClusterObject['metadata']): ClusterObject['metadata'] {
  const { resourceVersion, finalizers, ownerReferences } = read;
  return {
    finalizers,
    ownerReferences,
    ...wanted,
    resourceVersion,
    labels: { ...ofOthers(read.labels), ...wanted.labels },
    annotations: { ...ofOthers(read.annotations), ...wanted.annotations },
  };
}

const ofOthers = (marks: Readonly<Record<string, string>> = {}): Record<string, string> =>
  Object.fromEntries(Object.entries(marks).filter(([key]) => !key.startsWith(OURS)));

type Marks = Readonly<Record<string, string | null>>;

interface Call {
  readonly doing: string;
  readonly settleMs?: number;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: object;
  readonly contentType?: string;
  readonly accept?: string;
  /** To create something where its kind or its namespace is missing is a failure. */
  readonly missing?: 'fails';
}

function pathOf(namespace: string, kind: Kind, name?: string): string {
  const [api, plural] = KINDS[kind];
  return `/${api === 'v1' ? 'api' : 'apis'}/${api}/namespaces/${namespace}/${plural}${name === undefined ? '' : `/${name}`}`;
}
