import fc from 'fast-check';
import { aPlanInput, aReplica, aRollout, secondsAgo, showing, silent } from '../../test/support/plan-input';
import { plan } from './plan';
import type { PlanInput } from './plan.types';

const ROLLOUT = aRollout({ startedAt: secondsAgo(5) });
const writing = (over: Partial<PlanInput['deployment']> = {}) => ({ targetReplicas: 1, writesVolumes: true, ...over });
const old = (over = {}) => aReplica('old', { runningAt: secondsAgo(60), ...over });

describe('the plan for a deployment that writes to volumes', () => {
  it('ends what runs before it places its successor, whatever the rollout policy says', () => {
    const deployment = writing({ rollout: ROLLOUT });
    const first = plan(aPlanInput({ deployment, replicas: [old()], views: { n1: showing(['old', 'running']) } }));
    expect(first.moves).toEqual([expect.objectContaining({ replicaId: 'old', to: 'stopping' })]);
    expect(first.place).toBeNull();
    const leaving = old({ status: 'stopping' });
    const second = plan(aPlanInput({ deployment, replicas: [leaving], views: { n1: showing(['old', 'running']) } }));
    expect(second.place).toBeNull();
    const third = plan(aPlanInput({ deployment, replicas: [leaving], views: { n1: showing() } }));
    expect(third).toMatchObject({ release: ['old'], place: { revision: 2, rollout: 1, count: 1 } });
  });

  it('ends nothing for a rollout while the node that has the volumes is drained or silent', () => {
    for (const over of [{ nodeDraining: true }, { nodeOnline: false }, { nodeLost: true }]) {
      const input = { deployment: writing({ rollout: ROLLOUT }), replicas: [old(over)], views: { n1: showing(['old', 'running']) } };
      const { moves, place } = plan(aPlanInput(input));
      expect([moves, place]).toEqual([[], null]);
    }
  });

  it('waits for the node of a replica that is lost, and says so', () => {
    const lost = old({ nodeOnline: false, nodeLost: true });
    const { place, blocked } = plan(aPlanInput({ deployment: writing(), replicas: [lost], views: { n1: silent() } }));
    expect(place).toBeNull();
    expect(blocked).toEqual(['A successor has to wait until node node-n1 answers, which has its volumes']);
  });

  it('places the replica of a restart only after the one before has gone', () => {
    const before = old({ status: 'stopping', generation: 1 });
    const deployment = writing({ status: 'pending', generation: 2 });
    expect(plan(aPlanInput({ deployment, replicas: [before], views: { n1: showing(['old', 'running']) } })).place).toBeNull();
    expect(plan(aPlanInput({ deployment, replicas: [before], views: { n1: showing() } })).place).toMatchObject({ count: 1 });
  });

  it('never places a replica while another one may still write', () => {
    const status = fc.constantFrom('pending', 'starting', 'running', 'stopping', 'failed' as const);
    const replica = fc.record({
      status,
      nodeOnline: fc.boolean(),
      nodeLost: fc.boolean(),
      nodeDraining: fc.boolean(),
      rollout: fc.constantFrom(0, 1),
    });
    const deployments = fc.record({
      status: fc.constantFrom('pending', 'scheduled', 'running' as const),
      rollout: fc.constantFrom(null, ROLLOUT),
    });
    fc.assert(
      fc.property(fc.array(replica, { maxLength: 3 }), deployments, fc.boolean(), (replicas, deployment, shown) => {
        const all = replicas.map((each, index) => aReplica(`r${index}`, each));
        const views = { n1: shown ? showing(...all.map(({ id }) => [id, 'running'] as const)) : showing() };
        const { place, release } = plan(aPlanInput({ replicas: all, views, deployment: writing(deployment) }));
        const holds = all.filter(({ id, reserved }) => reserved && !release.includes(id));
        expect(place === null || holds.length === 0).toBe(true);
      }),
    );
  });
});
