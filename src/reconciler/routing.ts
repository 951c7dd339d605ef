import { addressesOf } from '../deployments/domain/reach';
import type { Backend, LeavingBackend } from '../routing/route-table';
import type { Plan, PlanReplica } from './plan.types';
import { publishedOf } from './reach';
import type { Snapshot } from './snapshot.repository';

/** What is recorded of the replicas that answer for a deployment's routes. */
export interface Routing {
  readonly version: number;
  /** The ports of the containers to which routes lead now. */
  readonly ports: readonly number[];
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
  { moves, refresh: facts }: Pick<Plan, 'moves' | 'refresh'>,
): Backend[] {
  const moved = new Map(moves.map((move) => [move.replicaId, move]));
  const refreshed = new Map(facts.map((each) => [each.replicaId, each]));
  return replicas.flatMap((replica): Backend[] => {
    const move = moved.get(replica.id);
    const refresh = refreshed.get(replica.id);
    const isPaused = move ? false : (refresh?.paused ?? replica.paused);
    if ((move?.to ?? replica.status) !== 'running' || isPaused || (!move && lacksHealth(replica))) return [];
    return [{ replicaId: replica.id, ports: addressesOf(nodes.get(replica.nodeId), publishedOf({ replica, move, refresh })) }];
  });
}

/** Replicas are listed in the order of their age, so that the same content is the same text. */
const isSame = (one: readonly Backend[], other: readonly Backend[]): boolean => textOf(one) === textOf(other);
const textOf = (backends: readonly Backend[]): string =>
  JSON.stringify(backends.map(({ replicaId, ports }) => [replicaId, ...Object.entries(ports).sort(([a], [b]) => (a < b ? -1 : 1))]));
