import type { ReplicaStatus } from './replica-status';

export const HEALTH_GRADES = ['healthy', 'degraded', 'unhealthy'] as const;
export type Health = (typeof HEALTH_GRADES)[number];

/** A replica as health counts it; the caller leaves out superseded replicas and those of earlier generations. */
export interface HealthReplica {
  readonly status: ReplicaStatus;
  readonly reason: string | null;
  readonly nodeName: string;
  /** The node answers; otherwise it is unknown whether the container still runs. */
  readonly confirmed: boolean;
  /** Somebody has paused the container on its engine. */
  readonly paused: boolean;
  /** Its container has ended well and needs no successor, so it counts as if it ran. */
  readonly completed: boolean;
  /** What its health check says; null without one, and while nothing is known. */
  readonly healthy: boolean | null;
}

export interface HealthReport {
  readonly health: Health;
  /** Why it is not `healthy`, in words; empty when it is. */
  readonly reasons: readonly string[];
}

/**
 * Unhealthy when no replica runs. Otherwise degraded when some have failed, fewer than `target` run, or a running one cannot be
 * confirmed, is paused or fails its health check. Otherwise healthy. Stopped and paused replicas are no failures.
 */
export function healthOf(replicas: readonly HealthReplica[], target: number): HealthReport {
  const completed = replicas.filter((replica) => replica.completed).length;
  const counted = replicas.filter(({ status }) => status !== 'stopped' && status !== 'stopping');
  const running = counted.filter((replica) => replica.status === 'running');
  const failed = counted.filter((replica) => replica.status === 'failed');
  const unconfirmed = running.filter((replica) => !replica.confirmed);
  const paused = running.filter((replica) => replica.confirmed && replica.paused);
  const failing = running.filter((replica) => replica.confirmed && !replica.paused && replica.healthy === false);
  const reasons = [
    ...(running.length + completed < target ? [countWords(running.length, target, completed)] : []),
    ...failed.map((replica) => `A replica on ${replica.nodeName} failed: ${replica.reason ?? 'no reason known'}`),
    ...countBy(unconfirmed).map(([node, count]) => `${count} running replicas on ${node} cannot be confirmed: the node does not answer`),
    ...countBy(paused).map(([node, count]) => `${count} running replicas on ${node} are paused: somebody has frozen their containers`),
    ...countBy(failing).map(([node, count]) => `${count} running replicas on ${node} fail their health check`),
  ];
  const counts = {
    working: running.length + completed,
    failed: failed.length,
    unsure: unconfirmed.length + paused.length + failing.length,
  };
  return { health: gradeOf(counts, target), reasons: [...new Set(reasons)] };
}

const countWords = (running: number, target: number, completed: number): string =>
  `${running} of ${target} replicas running${completed > 0 ? `, ${completed} ended well` : ''}`;

/** How many of the replicas that count for the health run or have ended well, have failed, and are paused, not confirmed or not healthy. */
export interface HealthCounts {
  readonly working: number;
  readonly failed: number;
  readonly unsure: number;
}

/** The health by numbers alone, for lists; as `healthOf` says. */
export function gradeOf({ working, failed, unsure }: HealthCounts, target: number): Health {
  if (working === 0) return 'unhealthy';
  return failed > 0 || working < target || unsure > 0 ? 'degraded' : 'healthy';
}

function countBy(replicas: readonly HealthReplica[]): [string, number][] {
  const counts = new Map<string, number>();
  for (const { nodeName } of replicas) counts.set(nodeName, (counts.get(nodeName) ?? 0) + 1);
  return [...counts];
}
