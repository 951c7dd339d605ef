import { eachAtATime } from '../../common/each-at-a-time';
import type { MakeSure } from '../engine-identities';
import type { Entrance, ShownEntrances } from '../entrances';
import { DriverError } from '../runtime-driver';
import type { ClusterObject, ClusterObjects } from './cluster-objects';
import { ENTRANCE_KINDS, entranceObjects, SERVES, type EntrancePlace } from './entrance-objects';
import { LABEL } from './labels';
import { isMadeAs } from './made-as';

const STEPS_AT_A_TIME = 8;

/** What a cluster has of the entrances of one node. */
interface Found {
  /** Without those of others. */
  readonly objects: readonly ClusterObject[];
  readonly pods: readonly ClusterObject[];
}

const keyOf = ({ kind, metadata }: ClusterObject): string => `${kind} ${metadata.name}`;
const deploymentOf = ({ metadata }: ClusterObject): string => metadata.labels?.[LABEL.deployment] ?? '';
const replicaOf = ({ metadata }: ClusterObject): string => metadata.labels?.[LABEL.replica] ?? '';

/** Removes what leads to deployments by way of nodes that are no more, such as of a cluster that was registered anew. */
export async function removeStrayEntrances(
  cluster: ClusterObjects,
  installationId: string,
  isLive: (nodeId: string) => boolean,
): Promise<void> {
  const selector = `${LABEL.installation}=${installationId},${LABEL.node}`;
  const all = await Promise.all(ENTRANCE_KINDS.map((kind) => cluster.list(kind, selector, { metadataOnly: true })));
  for (const object of all.flat()) {
    const { labels, deletionTimestamp } = object.metadata;
    if (deletionTimestamp === undefined && !isLive(labels?.[LABEL.node] ?? '')) await cluster.remove(object);
  }
}

/**
 * Brings the entrances of one node to what `wanted` gives. It looks before it asks for the wishes, and changes nothing that is newer
 * than that look, so older wishes never undo newer ones. What it could not do is told by deployment, in words. `owners`: those of the Pods
 * that are there.
 */
export async function bringEntrances(
  cluster: ClusterObjects,
  place: EntrancePlace,
  { wanted, sure }: { readonly wanted: () => Promise<readonly Entrance[]>; readonly sure: MakeSure },
): Promise<ShownEntrances & { readonly owners: ReadonlySet<string> }> {
  const found = await look(cluster, place);
  const wishes = await wanted();
  const failed = new Map<string, string>();
  const isChanged = await bring(cluster, { found, wishes, place, failed, sure });
  const now = isChanged ? await look(cluster, place) : found;
  const served = await servedPods(cluster, place, now);
  const behind = new Map(stepsOf(now, wishes, place).map(({ deploymentId, words }) => [deploymentId, words]));
  const owners = new Set(now.pods.flatMap(({ metadata }) => metadata.labels?.[LABEL.owner] ?? []));
  return { behind: new Map([...behind, ...failed]), served, owners };
}

async function look(cluster: ClusterObjects, place: EntrancePlace): Promise<Found> {
  const selector = selectorOf(place);
  const [pods, ...kinds] = await Promise.all([
    cluster.list('Pod', selector, { metadataOnly: true }),
    ...ENTRANCE_KINDS.map((kind) => cluster.list(kind, selector)),
  ]);
  return { pods, objects: kinds.flat() };
}

const selectorOf = ({ installationId, nodeId }: EntrancePlace): string => `${LABEL.installation}=${installationId},${LABEL.node}=${nodeId}`;

/** Something to change, and the words while it is not done. */
interface Step {
  readonly deploymentId: string;
  readonly words: string;
  readonly take: (cluster: ClusterObjects) => Promise<unknown>;
}

interface Work {
  readonly found: Found;
  readonly wishes: readonly Entrance[];
  readonly place: EntrancePlace;
  readonly failed: Map<string, string>;
  readonly sure: MakeSure;
}

/** Takes each step once, some at a time. One that fails keeps nothing else from being done, unless the cluster is away. */
async function bring(cluster: ClusterObjects, { found, wishes, place, failed, sure }: Work): Promise<boolean> {
  const steps = stepsOf(found, wishes, place);
  if (steps.length > 0) await sure();
  await eachAtATime(STEPS_AT_A_TIME, steps, async ({ deploymentId, take }) => {
    try {
      await take(cluster);
    } catch (error) {
      if (!(error instanceof DriverError) || error.failure === 'unreachable' || error.failure === 'aborted') throw error;
      failed.set(deploymentId, error.message);
    }
  });
  return steps.length > 0;
}

/** What differs. Pods that leave come first, because whoever stops them waits for that, then those that join. Pure. */
function stepsOf({ objects, pods }: Found, wishes: readonly Entrance[], place: EntrancePlace): Step[] {
  const members = new Set(wishes.flatMap((entrance) => entrance.members));
  const there = new Map(objects.map((object) => [keyOf(object), object]));
  const wanted = new Map(wishes.flatMap((entrance) => entranceObjects(entrance, place)).map((object) => [keyOf(object), object]));
  const isMember = (pod: ClusterObject): boolean => members.has(replicaOf(pod)) && pod.metadata.deletionTimestamp === undefined;
  const marking = (serves: boolean, words: string): Step[] =>
    pods
      .filter((pod) => isMember(pod) === serves && (pod.metadata.labels?.[SERVES] === 'true') !== serves)
      .map((pod) => {
        const labels = { [SERVES]: serves ? 'true' : null };
        return { deploymentId: deploymentOf(pod), words, take: (cluster) => cluster.mark(pod, { labels }) };
      });
  const marks = [...marking(false, 'A Pod still serves'), ...marking(true, 'A Pod does not serve yet')];
  const makes = [...wanted].flatMap(([key, object]): Step[] => {
    const live = there.get(key);
    const step = { deploymentId: deploymentOf(object), words: `The ${object.kind} is not as it should be` };
    if (live === undefined) return [{ ...step, take: (cluster) => cluster.create(object) }];
    return isMadeAs(live, object) ? [] : [{ ...step, take: (cluster) => cluster.replace(live, object) }];
  });
  const removals = objects.flatMap((object): Step[] => {
    if (wanted.has(keyOf(object)) || object.metadata.deletionTimestamp !== undefined) return [];
    const words = `The ${object.kind} is still there`;
    return [{ deploymentId: deploymentOf(object), words, take: (cluster) => cluster.remove(object) }];
  });
  return [...marks, ...makes, ...removals];
}

interface Endpoint {
  readonly targetRef?: { readonly name?: string };
}

/** The replicas that the Services lead to, by what the cluster itself has made of them. */
async function servedPods(cluster: ClusterObjects, place: EntrancePlace, { pods }: Found): Promise<ReadonlySet<string>> {
  const slices = await cluster.list('EndpointSlice', selectorOf(place));
  const names = new Set(
    slices.flatMap(({ endpoints }) => ((endpoints ?? []) as readonly Endpoint[]).map(({ targetRef }) => targetRef?.name)),
  );
  return new Set(pods.filter(({ metadata }) => names.has(metadata.name)).map(replicaOf));
}
