import { aPlanInput, aReplica, showing } from '../../test/support/plan-input';
import { plan } from './plan';
import type { PlanReplica } from './plan.types';

const DEPLOYMENT = { status: 'pending', targetReplicas: 2, generation: 2 } as const;
const leaving = (count: number, over: Partial<PlanReplica> = {}): PlanReplica[] =>
  Array.from({ length: count }, (_unused, n) => aReplica(`r${String(n)}`, { status: 'stopping', ...over }));
const runningOn = (replicas: readonly PlanReplica[]) => ({
  n1: showing(...replicas.map(({ id }) => [id, 'running'] as [string, 'running'])),
});

describe('a deployment many replicas of which are leaving', () => {
  it('is started again beside twice as many as may live, less one', () => {
    const replicas = leaving(5);
    expect(plan(aPlanInput({ deployment: DEPLOYMENT, replicas, views: runningOn(replicas) })).place).toMatchObject({ count: 2 });
  });

  it('waits with new ones while there are more, without trouble, and looks again soon', () => {
    const replicas = leaving(6);
    const { place, blocked, lookAgainMs } = plan(aPlanInput({ deployment: DEPLOYMENT, replicas, views: runningOn(replicas) }));
    expect([place, blocked]).toEqual([null, []]);
    expect(lookAgainMs).toBeLessThanOrEqual(2_000);
    const one = plan(aPlanInput({ deployment: DEPLOYMENT, replicas, views: runningOn(replicas.slice(1)) }));
    expect(one).toMatchObject({ release: ['r0'], place: { count: 2 } });
  });

  it.each<[string, Partial<PlanReplica>]>([
    ['on nodes that do not answer', { nodeOnline: false }],
    ['that are kept warm', { warmUntil: new Date('2027-01-01T00:00:00Z') }],
    ['whose reservation is gone', { reserved: false }],
  ])('does not wait for those %s', (_which, over) => {
    const replicas = leaving(12, over);
    expect(plan(aPlanInput({ deployment: DEPLOYMENT, replicas, views: runningOn(replicas) })).place).toMatchObject({ count: 2 });
  });
});
