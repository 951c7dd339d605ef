import {
  canTransition,
  DEPLOYMENT_STATUSES,
  nextStatuses,
  restoredStatus,
  sourcesOf,
  wantsReplicas,
  type DeploymentStatus,
} from './deployment-status';

/** Every legal change, written out by hand; all others must be refused. */
const LEGAL: Readonly<Record<DeploymentStatus, readonly DeploymentStatus[]>> = {
  pending: ['pending', 'scheduled', 'stopped', 'failed', 'deleted'],
  scheduled: ['scheduled', 'running', 'stopped', 'failed', 'deleted'],
  running: ['running', 'stopped', 'deleted'],
  stopped: ['pending', 'stopped', 'deleted'],
  failed: ['pending', 'failed', 'deleted'],
  deleted: [],
};
const PAIRS = DEPLOYMENT_STATUSES.flatMap((from) => DEPLOYMENT_STATUSES.map((to) => [from, to] as const));

describe('the statuses of a deployment', () => {
  it.each(PAIRS)('%s → %s is as the table says', (from, to) => {
    expect(canTransition(from, to)).toBe(LEGAL[from].includes(to));
  });

  it('never lets a running deployment fail', () => {
    expect(canTransition('running', 'failed')).toBe(false);
  });

  it('has no way out of deleted, not even to deleted again', () => {
    expect(nextStatuses('deleted')).toEqual([]);
    expect(sourcesOf('deleted')).not.toContain('deleted');
  });

  it('can be deleted from every other status', () => {
    expect(sourcesOf('deleted')).toEqual(DEPLOYMENT_STATUSES.filter((status) => status !== 'deleted'));
  });

  it.each(DEPLOYMENT_STATUSES)('sourcesOf(%s) says the same as canTransition', (to) => {
    expect(sourcesOf(to)).toEqual(DEPLOYMENT_STATUSES.filter((from) => canTransition(from, to)));
  });

  it('reaches every status from pending', () => {
    const reached = new Set<DeploymentStatus>(['pending']);
    for (const status of reached) for (const next of nextStatuses(status)) reached.add(next);
    expect([...reached].sort()).toEqual([...DEPLOYMENT_STATUSES].sort());
  });

  it('comes back from deleted as it was if it was stopped, and is placed anew otherwise', () => {
    const back = sourcesOf('deleted').map((before) => [before, restoredStatus(before)]);
    expect(Object.fromEntries(back)).toEqual({
      pending: 'scheduled',
      scheduled: 'scheduled',
      running: 'scheduled',
      failed: 'scheduled',
      stopped: 'stopped',
    });
  });

  it('wants replicas on nodes from the placement on until it is ended', () => {
    expect(DEPLOYMENT_STATUSES.filter(wantsReplicas)).toEqual(['scheduled', 'running']);
  });
});
