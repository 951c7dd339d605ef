import { aPlanInput, aReplica } from '../../test/support/plan-input';
import { mayHoldMore } from './holds-more';
import type { PlannedPlacement, PlanReplica } from './plan.types';

const placing = (count: number): PlannedPlacement => ({ revision: 1, rollout: 0, count, cause: 'replace', replaces: [] });
const holdsMore = (count: number, replicas: readonly PlanReplica[], release: readonly string[] = []): boolean =>
  mayHoldMore(aPlanInput({ deployment: { targetReplicas: 2 }, replicas }), { place: placing(count), release: [...release] });

describe('whether a deployment may hold more than its wanted replicas need', () => {
  it.each<[string, boolean, boolean]>([
    ['nothing is held', false, holdsMore(2, [])],
    ['the places of others are taken', false, holdsMore(1, [aReplica('a')])],
    ['there is one more than wanted', true, holdsMore(1, [aReplica('a'), aReplica('b')])],
    ['others are still leaving', true, holdsMore(2, [aReplica('a', { status: 'stopping' })])],
    ['those that were leaving are released', false, holdsMore(2, [aReplica('a', { status: 'stopping' })], ['a'])],
    ['those before have no reservation any more', false, holdsMore(2, [aReplica('a', { status: 'failed', reserved: false })])],
    ['what is held may be larger', true, holdsMore(1, [aReplica('a', { revision: 7 })])],
    ['a node does not answer', false, holdsMore(2, [aReplica('a', { nodeOnline: false }), aReplica('b', { nodeOnline: false })])],
    ['a node is drained', false, holdsMore(2, [aReplica('a', { nodeDraining: true }), aReplica('b', { nodeDraining: true })])],
  ])('when %s: %s', (_when, expected, is) => expect(is).toBe(expected));

  it('is no question where nothing is placed', () => {
    expect(mayHoldMore(aPlanInput({ replicas: [aReplica('a')] }), { place: null, release: [] })).toBe(false);
  });
});
