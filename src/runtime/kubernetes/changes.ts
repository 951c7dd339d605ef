import type { V1Job, V1ObjectMeta, V1Pod } from '@kubernetes/client-node';
import { abortWith } from '../../common/abort-with';
import { DriverError } from '../runtime-driver';
import type { Cluster } from './cluster';
import type { ClusterClient } from './cluster-client';
import { withDates } from './dates';
import { LABEL, selectorOf } from './labels';
import { textLines } from './text-lines';

/** The server ends a watch after this time; the next one goes on where it ended. */
const WATCH_SECONDS = 300;
/** Pods and Jobs. */
const PATHS = 2;
/** An API server keeps no larger objects than 1.5 MB. */
const MAX_EVENT_BYTES = 2 ** 21;
interface WatchEvent {
  readonly type: string;
  readonly object: {
    /** Of a trouble that ends the watch. */
    readonly message?: string;
    readonly metadata?: V1ObjectMeta;
  };
}

interface ClusterChange {
  readonly deploymentId: string;
  readonly replicaId: string;
  /** Its Pod as it is now; null when something of it has gone; undefined for a change of its Job. */
  readonly pod?: V1Pod | null;
  /** Whether the replica may be in another state: a Pod that comes and a Job that counts its Pods are nothing new. */
  readonly isNews: boolean;
}

interface Following {
  readonly installationId: string;
  readonly onChange: (change: ClusterChange) => void;
  /** Called once all changes are told. */
  readonly onTold: () => void;
  readonly signal: AbortSignal;
}

/**
 * Follows the Jobs and Pods of an installation. Resolves on abort and throws when the cluster breaks off, or no longer knows what has
 * changed (410): the caller looks at everything then.
 */
export async function watchChanges(
  client: ClusterClient,
  clusterUnder: (signal: AbortSignal) => Cluster,
  { installationId, onChange, onTold, signal }: Following,
): Promise<void> {
  const { namespace } = client.access;
  const both = abortWith(signal);
  const told = new Set<string>();
  const follow = (path: string, kind: Watched['kind']): Promise<void> =>
    watchPath(
      client,
      { path, kind, version: () => clusterUnder(both.signal).versionOf(kind) },
      {
        ...{ installationId, onChange, signal: both.signal },
        onTold: () => told.add(path).size === PATHS && onTold(),
      },
    );
  try {
    await Promise.all([
      follow(`/api/v1/namespaces/${namespace}/pods`, 'Pods'),
      follow(`/apis/batch/v1/namespaces/${namespace}/jobs`, 'Jobs'),
    ]);
  } catch (error) {
    if (signal.aborted) return;
    throw new DriverError('unreachable', 'The cluster of this node has ended its stream of events', { cause: error });
  } finally {
    both.abort(); // when one breaks off, the other ends too
  }
}

interface Watched {
  readonly path: string;
  readonly kind: 'Pods' | 'Jobs';
  /** Where the watch begins: as the cluster is now. */
  readonly version: () => Promise<string>;
}

async function watchPath(
  client: ClusterClient,
  { path, kind, version }: Watched,
  { installationId, onChange, onTold, signal }: Following,
): Promise<void> {
  const always = { watch: 'true', allowWatchBookmarks: 'true', timeoutSeconds: String(WATCH_SECONDS) };
  const hasEnded = (): boolean => signal.aborted;
  for (let resourceVersion = await version(); !hasEnded();) {
    const query = { ...always, labelSelector: selectorOf({ installationId }), resourceVersion };
    const stream = await client.stream(path, { query, signal });
    onTold();
    for await (const { text } of textLines(stream, MAX_EVENT_BYTES)) {
      const { type, object } = JSON.parse(text) as WatchEvent;
      if (type === 'ERROR') throw new Error(object.message ?? 'Trouble without words');
      resourceVersion = object.metadata?.resourceVersion ?? resourceVersion;
      const { [LABEL.deployment]: deploymentId, [LABEL.replica]: replicaId } = object.metadata?.labels ?? {};
      if (deploymentId === undefined || replicaId === undefined) continue;
      const id = { deploymentId, replicaId };
      if (type === 'DELETED') onChange({ ...id, pod: null, isNews: true });
      else if (kind === 'Jobs') onChange({ ...id, isNews: isNewsOfJob(object) });
      else onChange({ ...id, pod: withDates(object as V1Pod), isNews: isNewsOfPod(object) });
    }
  }
}

const isNewsOfPod = ({ metadata, status }: V1Pod): boolean => metadata?.deletionTimestamp !== undefined || status?.phase !== 'Pending';

const isNewsOfJob = ({ metadata, spec, status }: V1Job): boolean =>
  metadata?.deletionTimestamp !== undefined || spec?.suspend === true || spec?.parallelism === 0 || (status?.conditions ?? []).length > 0;
