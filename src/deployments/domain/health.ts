import type { ReplicaStatus } from './replica-status';

type Health = 'healthy' | 'degraded' | 'unhealthy';

/** A replica as health counts it; the caller leaves out superseded replicas and those of earlier generations. */
export interface HealthReplica {
  readonly status: ReplicaStatus;
  readonly reason: string | null;
  readonly nodeName: string;
  /** The node answers; otherwise it is unknown whether the container still runs. */
  readonly confirmed: boolean;
}

export interface HealthReport {
  readonly health: Health;
  /** Why it is not `healthy`, in words; empty when it is. */
  readonly reasons: readonly string[];
}

/**
 * Unhealthy when no replica runs. Otherwise degraded when some have failed, fewer than `target` run, or a running one cannot be
 * confirmed. Otherwise healthy. Stopped replicas are no failures.
 */
export function healthOf(replicas: readonly HealthReplica[], target: number): HealthReport {
  const counted = replicas.filter((replica) => replica.status !== 'stopped' && replica.status !== 'stopping');
  const running = counted.filter((replica) => replica.status === 'running');
  const failed = counted.filter((replica) => replica.status === 'failed');
  const unconfirmed = running.filter((replica) => !replica.confirmed);
  const reasons = [
    ...(running.length < target ? [`${running.length} of ${target} replicas running`] : []),
    ...failed.map((replica) => `A replica on ${replica.nodeName} failed: ${replica.reason ?? 'no reason known'}`),
    ...countBy(unconfirmed).map(([node, count]) => `${count} running replicas on ${node} cannot be confirmed: the node does not answer`),
  ];
  return { health: grade(running.length, failed.length, target, unconfirmed.length), reasons: [...new Set(reasons)] };
}

function grade(running: number, failed: number, target: number, unconfirmed: number): Health {
  if (running === 0) return 'unhealthy';
  return failed > 0 || running < target || unconfirmed > 0 ? 'degraded' : 'healthy';
}

function countBy(replicas: readonly HealthReplica[]): [string, number][] {
  const counts = new Map<string, number>();
  for (const { nodeName } of replicas) counts.set(nodeName, (counts.get(nodeName) ?? 0) + 1);
  return [...counts];
}
