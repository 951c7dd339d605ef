import { isIPv6 } from 'node:net';
import { reachedAt } from '../engines/node-address';
import { SIMULATED_ADDRESS, type Backend, type LeavingBackend } from '../routing/route-table';
import type { ReplicaFacts } from '../deployments/replicas.repository';
import type { Plan, PlanReplica } from './plan.types';
import type { Snapshot } from './snapshot.repository';

/** What is recorded of the replicas that answer for a deployment's routes. */
export interface Routing {
  readonly version: number;
  readonly backends: readonly Backend[];
  /** `drained`: no router sends it anything any more, or the time for that is over. */
  readonly leaving: readonly (LeavingBackend & { readonly drained: boolean })[];
}

/** The backends that are to be recorded instead of those of this version. */
export interface RoutingChange {
  readonly version: number;
  readonly backends: readonly Backend[];
  /** Those that leave with this change have no transaction yet. */
  readonly leaving: readonly (Omit<LeavingBackend, 'outIn'> & { readonly outIn: number | null })[];
}

type Published = ReplicaFacts['published'];

/** The replicas to which a router may still send something, so that their containers may not be asked to end yet. */
export function routedReplicas(routing: Routing | null): ReadonlySet<string> {
  if (!routing) return new Set();
  const leaving = routing.leaving.filter(({ drained }) => !drained);
  return new Set([...routing.backends, ...leaving].map(({ replicaId }) => replicaId));
}

/**
 * What a plan changes in the routing: a replica joins when it is recorded as running and healthy, and leaves in the same
 * transaction in which it is recorded as anything else. Null without a change, or without routes. Pure.
 */
export function routingAfter(
  snapshot: Pick<Snapshot, 'routing' | 'replicas' | 'nodes' | 'now'>,
  plan: Pick<Plan, 'moves' | 'refresh'>,
): RoutingChange | null {
  const { routing, replicas, now } = snapshot;
  if (!routing) return null;
  const backends = backendsAfter(snapshot, plan);
  const current = new Set(backends.map(({ replicaId }) => replicaId));
  const known = new Set(replicas.map(({ id }) => id));
  const stays = routing.leaving.filter(({ replicaId }) => known.has(replicaId) && !current.has(replicaId));
  const leaves = routing.backends.filter(({ replicaId }) => known.has(replicaId) && !current.has(replicaId));
  if (isSame(backends, routing.backends) && stays.length === routing.leaving.length) return null;
  return {
    version: routing.version,
    backends,
    leaving: [
      ...stays.map(({ replicaId, since, outIn }) => ({ replicaId, since, outIn })),
      ...leaves.map(({ replicaId }) => ({ replicaId, since: now.toISOString(), outIn: null })),
    ],
  };
}

/** A replica that is recorded as running has passed its check; but it may have been restarted by hand since, or fail it just now. */
const lacksHealth = ({ check, healthy }: PlanReplica): boolean => check !== null && healthy !== true;

function backendsAfter(
  { replicas, nodes }: Pick<Snapshot, 'replicas' | 'nodes'>,
  { moves, refresh }: Pick<Plan, 'moves' | 'refresh'>,
): Backend[] {
  const moved = new Map(moves.map((move) => [move.replicaId, move]));
  const refreshed = new Map(refresh.map((facts) => [facts.replicaId, facts]));
  return replicas.flatMap((replica): Backend[] => {
    const move = moved.get(replica.id);
    const facts = refreshed.get(replica.id);
    const isPaused = move ? false : (facts?.paused ?? replica.paused);
    if ((move?.to ?? replica.status) !== 'running' || isPaused || (!move && lacksHealth(replica))) return [];
    const published = move?.published ?? facts?.published ?? replica.published;
    return [{ replicaId: replica.id, ports: addressesOf(nodes.get(replica.nodeId), published) }];
  });
}

/** The tcp ports that can be reached. Nothing listens for a simulated container; whatever listens at its port is something else. */
function addressesOf(node: ReturnType<Snapshot['nodes']['get']>, published: Published): Backend['ports'] {
  if (!node) return {};
  const tcp = published.filter(({ protocol }) => protocol === 'tcp');
  return Object.fromEntries(
    tcp.flatMap(({ containerPort, ...port }): [string, string][] => {
      if (node.runtime === 'simulated') return [[String(containerPort), SIMULATED_ADDRESS]];
      const reach = reachedAt(node, port);
      return reach ? [[String(containerPort), `${isIPv6(reach.host) ? `[${reach.host}]` : reach.host}:${reach.port}`]] : [];
    }),
  );
}

/** Replicas are listed in the order of their age, so that the same content is the same text. */
const isSame = (one: readonly Backend[], other: readonly Backend[]): boolean => textOf(one) === textOf(other);
const textOf = (backends: readonly Backend[]): string =>
  JSON.stringify(backends.map(({ replicaId, ports }) => [replicaId, ...Object.entries(ports).sort(([a], [b]) => (a < b ? -1 : 1))]));
