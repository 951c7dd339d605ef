import { canReplicaTransition, isLive, LIVE_REPLICA_STATUSES, REPLICA_STATUSES, type ReplicaStatus } from './replica-status';

/** Every legal change, written out by hand; all others must be refused. */
const LEGAL: Readonly<Record<ReplicaStatus, readonly ReplicaStatus[]>> = {
  pending: ['starting', 'stopped'],
  starting: ['running', 'stopping', 'failed'],
  running: ['stopping', 'failed'],
  stopping: ['stopped', 'starting', 'failed'],
  stopped: [],
  failed: [],
};
const PAIRS = REPLICA_STATUSES.flatMap((from) => REPLICA_STATUSES.map((to) => [from, to] as const));

describe('the statuses of a replica', () => {
  it.each(PAIRS)('%s → %s is as the table says', (from, to) => {
    expect(canReplicaTransition(from, to)).toBe(LEGAL[from].includes(to));
  });

  it('is stopped only by way of stopping once an engine may know it', () => {
    expect(REPLICA_STATUSES.filter((from) => canReplicaTransition(from, 'stopped'))).toEqual(['pending', 'stopping']);
  });

  it('counts what is placed, starting and running as live', () => {
    expect(REPLICA_STATUSES.filter(isLive)).toEqual([...LIVE_REPLICA_STATUSES]);
    expect(LIVE_REPLICA_STATUSES).toEqual(['pending', 'starting', 'running']);
  });
});
