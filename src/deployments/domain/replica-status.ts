export const REPLICA_STATUSES = ['pending', 'starting', 'running', 'stopping', 'stopped', 'failed'] as const;
export type ReplicaStatus = (typeof REPLICA_STATUSES)[number];

/**
 * The whole state machine of a replica. `pending` means that no engine was ever asked to run it, so it may be `stopped`
 * without asking one; from `starting` on, only an engine's word makes it `stopped`. `stopped` and `failed` are final:
 * a new container is a new replica. A failed replica keeps its reservation until its container is confirmed gone.
 * `stopping` has two rare ways out: a restore starts a container that was kept warm again, and an administrator gives up
 * one on a node that does not come back (`failed`).
 */
const NEXT = {
  pending: ['starting', 'stopped'],
  starting: ['running', 'stopping', 'failed'],
  running: ['stopping', 'failed'],
  stopping: ['stopped', 'starting', 'failed'],
  stopped: [],
  failed: [],
} as const satisfies Record<ReplicaStatus, readonly ReplicaStatus[]>;

export const canReplicaTransition = (from: ReplicaStatus, to: ReplicaStatus): boolean =>
  (NEXT[from] as readonly ReplicaStatus[]).includes(to);

/** Replicas that count as the deployment's current ones (contract, section 5, scale). */
export const LIVE_REPLICA_STATUSES = ['pending', 'starting', 'running'] as const satisfies readonly ReplicaStatus[];

export const isLive = (status: ReplicaStatus): boolean => (LIVE_REPLICA_STATUSES as readonly ReplicaStatus[]).includes(status);
