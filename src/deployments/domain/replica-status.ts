export const REPLICA_STATUSES = ['pending', 'starting', 'running', 'stopping', 'stopped', 'failed'] as const;
export type ReplicaStatus = (typeof REPLICA_STATUSES)[number];

/**
 * The whole state machine of a replica. `pending` means that no engine was ever asked to run it, so it may become `stopped`
 * without asking one; from `starting` on only an engine's confirmation makes it `stopped`. `stopped` and `failed` are final: a
 * new container is a new replica. A failed replica keeps its reservation until its container is confirmed gone. Two rare ways
 * lead out of `stopping`: a restore starts a suspended container again, and a force release makes it `failed`.
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

/** The statuses of the replicas that count as the deployment's current ones. */
export const LIVE_REPLICA_STATUSES = ['pending', 'starting', 'running'] as const satisfies readonly ReplicaStatus[];

export const isLive = (status: ReplicaStatus): boolean => (LIVE_REPLICA_STATUSES as readonly ReplicaStatus[]).includes(status);
