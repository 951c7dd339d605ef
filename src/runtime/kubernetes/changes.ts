import type { V1Job, V1ObjectMeta, V1Pod } from '@kubernetes/client-node';
import { abortWith } from '../../common/abort-with';
import { within } from '../../common/within';
import { DriverError } from '../runtime-driver';
import type { Cluster } from './cluster';
import type { ClusterClient } from './cluster-client';
import { withDates } from './dates';
import { LABEL, selectorOf } from './labels';
import { textLines } from './text-lines';

/** The server ends a watch after this time; the next one goes on where it ended. */
const WATCH_SECONDS = 300;
/** A watch that the server has not ended by then is on a connection that leads nowhere. */
const LONGEST_MS = (WATCH_SECONDS + 30) * 1000;
/** One that ends sooner is of a server that does not want it now, or of something between that cuts it. */
const SHORTEST_MS = 1_000;
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
  /** False once the cluster is to be asked in another way, such as with a new token. */
  readonly isCurrent: () => Promise<boolean>;
  readonly signal: AbortSignal;
}

/**
 * Follows the Jobs and Pods of an installation. Resolves on abort and throws when the cluster breaks off, ends a watch at once, or no
 * longer knows what has changed (410), and when it is to be asked in another way: the caller looks at everything then, after a pause.
 */
export async function watchChanges(
  client: ClusterClient,
  clusterUnder: (signal: AbortSignal) => Cluster,
  { installationId, onChange, onTold, isCurrent, signal }: Following,
): Promise<void> {
  const { namespace } = client.access;
  const both = abortWith(signal);
  const told = new Set<string>();
  const follow = (path: string, kind: Watched['kind']): Promise<void> =>
    watchPath(
      client,
      { path, kind, version: () => clusterUnder(both.signal).versionOf(kind) },
      {
        installationId,
        onChange,
        isCurrent,
        signal: both.signal,
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
  { onTold, isCurrent, signal, ...following }: Following,
): Promise<void> {
  const always = { watch: 'true', allowWatchBookmarks: 'true', timeoutSeconds: String(WATCH_SECONDS) };
  const hasEnded = (): boolean => signal.aborted;
  for (let resourceVersion = await version(); !hasEnded();) {
    const query = { ...always, labelSelector: selectorOf({ installationId: following.installationId }), resourceVersion };
    const begun = performance.now();
    resourceVersion = await within(LONGEST_MS, signal, async (limited) => {
      const stream = await client.stream(path, { query, signal: limited });
      onTold();
      return tell(stream, { ...following, kind, resourceVersion });
    });
    if (!signal.aborted && performance.now() - begun < SHORTEST_MS) throw new Error('It was ended at once');
    if (!signal.aborted && !(await isCurrent())) throw new Error('The access has changed');
  }
}

/** Tells the changes of one stream until it ends, and gives the version of the last. */
async function tell(
  stream: AsyncIterable<Buffer>,
  { kind, resourceVersion, onChange }: Pick<Following, 'onChange'> & Pick<Watched, 'kind'> & { resourceVersion: string },
): Promise<string> {
  let version = resourceVersion;
  for await (const { text } of textLines(stream, MAX_EVENT_BYTES)) {
    const { type, object } = JSON.parse(text) as WatchEvent;
    if (type === 'ERROR') throw new Error(object.message ?? 'Trouble without words');
    version = object.metadata?.resourceVersion ?? version;
    const { [LABEL.deployment]: deploymentId, [LABEL.replica]: replicaId } = object.metadata?.labels ?? {};
    if (deploymentId === undefined || replicaId === undefined) continue;
    const id = { deploymentId, replicaId };
    if (type === 'DELETED') onChange({ ...id, pod: null, isNews: true });
    else if (kind === 'Jobs') onChange({ ...id, isNews: isNewsOfJob(object) });
    else onChange({ ...id, pod: withDates(object as V1Pod), isNews: isNewsOfPod(object) });
  }
  return version;
}

const isNewsOfPod = ({ metadata, status }: V1Pod): boolean => metadata?.deletionTimestamp !== undefined || status?.phase !== 'Pending';

const isNewsOfJob = ({ metadata, spec, status }: V1Job): boolean =>
  metadata?.deletionTimestamp !== undefined || spec?.suspend === true || spec?.parallelism === 0 || (status?.conditions ?? []).length > 0;
