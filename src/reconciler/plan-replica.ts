import type { ContainerSpec, HealthCheckSpec } from '../engines/container-spec';
import type { NodePlace } from '../engines/node-address';
import type { LiveTarget } from '../engines/node-target';
import type { PlanReplica } from './plan.types';

/** A node that may hold a workload of the deployment, with what says how it is reached. */
export type ReplicaNode = LiveTarget & NodePlace;

type OptionalTimeName = 'startedAt' | 'runningAt' | 'runAt' | 'warmUntil' | 'suspendedAt' | 'suspendedRunAt';
type OfOthers = 'nodeName' | 'nodePlace' | 'nodeOnline' | 'nodeDraining' | 'nodeLost' | 'routed' | 'restart' | 'checkIntervalSeconds';

/** A replica as it comes out of the database in JSON. */
export interface ReplicaRow
  extends Omit<PlanReplica, OfOthers | 'healthy' | 'changedAt' | OptionalTimeName>, Record<OptionalTimeName, string | null> {
  readonly changedAt: string;
}

interface Beside {
  readonly node: ReplicaNode;
  /** Of the revision that it runs, where that is known. */
  readonly spec: Pick<ContainerSpec, 'restart' | 'healthCheck'> | null;
  readonly routed: boolean;
}

/**
 * The replica with what its node and its revision say about it. Member by member: to spread so many of them takes V8 ten times as long,
 * for every replica at every look.
 */
export const planReplicaOf = (row: ReplicaRow, { node, spec, routed }: Beside): PlanReplica => ({
  id: row.id,
  status: row.status,
  generation: row.generation,
  revision: row.revision,
  rollout: row.rollout,
  attempt: row.attempt,
  reason: row.reason,
  nodeId: node.id,
  nodeName: node.name,
  nodePlace: node,
  nodeOnline: node.online,
  nodeDraining: node.draining,
  nodeLost: node.lost,
  superseded: row.superseded,
  completed: row.completed,
  restart: spec?.restart ?? 'always',
  checkIntervalSeconds: firstWaitOf(spec?.healthCheck ?? null),
  check: row.check,
  healthy: row.check?.healthy ?? null,
  failedByNode: row.failedByNode,
  reserved: row.reserved,
  routed,
  changedAt: new Date(row.changedAt),
  startedAt: timeOrNull(row.startedAt),
  startedSecondsAgo: row.startedSecondsAgo,
  runningAt: timeOrNull(row.runningAt),
  runAt: timeOrNull(row.runAt),
  paused: row.paused,
  published: row.published,
  warmUntil: timeOrNull(row.warmUntil),
  suspendedAt: timeOrNull(row.suspendedAt),
  suspendedRunAt: timeOrNull(row.suspendedRunAt),
});

/** An engine waits for an interval before its first check; checks from outside begin at once. */
const firstWaitOf = (check: HealthCheckSpec | null): number | null => (check && 'command' in check ? check.intervalSeconds : null);

const timeOrNull = (time: string | null): Date | null => (time === null ? null : new Date(time));
