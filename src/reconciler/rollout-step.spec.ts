import { aPlanInput, aReplica, aRollout, aWorkload, NOW, secondsAgo, showing } from '../../test/support/plan-input';
import { DEFAULT_ROLLOUT_POLICY } from '../deployments/domain/rollout';
import { plan } from './plan';
import type { Plan, PlanInput, PlanReplica, PlanRollout } from './plan.types';

const OPEN = aRollout();
const old = (id: string, over: Partial<PlanReplica> = {}) => aReplica(id, { runningAt: secondsAgo(900), ...over });
const young = (id: string, over: Partial<PlanReplica> = {}) =>
  aReplica(id, { revision: 2, rollout: 1, runningAt: secondsAgo(60), ...over });

function planned(
  replicas: readonly PlanReplica[],
  rollout: Partial<PlanRollout> = {},
  deployment: Partial<PlanInput['deployment']> = {},
): Plan {
  const running = replicas.filter(({ status }) => status === 'running');
  const shown = running.map(({ id, published }) => [id, aWorkload(id, 'running', { publishedPorts: published })] as const);
  return plan(
    aPlanInput({
      replicas,
      views: { n1: { reachable: true, workloads: new Map(shown) } },
      deployment: { targetReplicas: 2, rollout: { ...OPEN, ...rollout }, ...deployment },
    }),
  );
}

const failed = (over: Partial<PlanReplica> = {}) =>
  young('c', {
    status: 'failed',
    attempt: 2,
    reserved: false,
    reason: 'Exited with code 1',
    changedAt: secondsAgo(1),
    runningAt: null,
    ...over,
  });

describe('plan, of an open rollout', () => {
  it.each([
    ['was frozen just now', {}, 'paused'],
    ['fails its health check', { check: { run: 'container-b', healthy: false, reason: null }, healthy: false }, 'running'],
  ] as const)('ends the old one that %s before one that serves, though that one is older', (_what, over, phase) => {
    const views = { n1: showing(['a', 'running'], ['b', phase], ['c', 'running']) };
    const deployment = { targetReplicas: 2, rollout: OPEN };
    const { moves } = plan(aPlanInput({ replicas: [old('a'), old('b', over), young('c')], views, deployment }));
    expect(moves.filter(({ to }) => to === 'stopping').map(({ replicaId }) => replicaId)).toEqual(['b']);
  });

  it('places the first new replica beside the old ones', () => {
    const result = planned([old('a'), old('b')]);
    expect(result.place).toEqual({ revision: 2, rollout: 1, count: 1, cause: 'rollout', replaces: [] });
    expect([result.moves, result.rollout]).toEqual([[], null]);
  });

  it('waits until a new replica has run for a while, and looks again then', () => {
    const result = planned([old('a'), old('b'), young('c', { runningAt: secondsAgo(3) })]);
    expect([result.place, result.moves, result.rollout, result.lookAgainMs]).toEqual([null, [], null, 2_000]);
  });

  it('ends the oldest when a new one serves, and notes the progress', () => {
    const result = planned([old('a'), old('b'), young('c')]);
    expect(result.moves).toEqual([expect.objectContaining({ replicaId: 'a', to: 'stopping', reason: 'Replaced' })]);
    expect(result.rollout).toEqual({ kind: 'progress', healthyReplicas: 1 });
  });

  it('does not take for progress what was so before', () => {
    expect(planned([old('b'), young('c')], { healthyReplicas: 1 }).rollout).toBeNull();
  });

  it('is complete when all new ones serve; the next plan ends the old ones', () => {
    const all = [old('b'), young('c'), young('d')];
    expect(planned(all, { healthyReplicas: 1 })).toMatchObject({ rollout: { kind: 'state', state: 'completed' }, moves: [], place: null });
    const after = planned(all, {}, { rollout: null, currentRollout: 1, revision: 2 });
    expect(after.moves).toEqual([expect.objectContaining({ replicaId: 'b', to: 'stopping' })]);
  });

  it('goes back when a new replica has failed three times in a row, with the reason', () => {
    const why = 'Exited with code 1, on node node-n1';
    expect(planned([old('a'), old('b'), failed()]).rollout).toEqual({ kind: 'state', state: 'rolled_back', why });
    expect(planned([old('a'), old('b'), failed({ attempt: 1 })]).rollout).toBeNull();
    expect(planned([old('a'), old('b'), failed({ failedByNode: true })]).rollout).toBeNull();
  });

  it('goes back at once from what no engine would start', () => {
    const input = aPlanInput({
      replicas: [old('a'), young('c', { status: 'starting', runningAt: null })],
      views: { n1: showing(['a', 'running']) },
      startFailures: new Map([['c', { words: 'The command does not exist in the image', retryable: false, passing: false }]]),
      deployment: { targetReplicas: 1, rollout: OPEN },
    });
    expect(plan(input)).toMatchObject({
      rollout: { state: 'rolled_back', why: 'The command does not exist in the image, on node node-n1' },
      moves: [{ replicaId: 'c', to: 'failed' }],
    });
  });

  it('pauses instead where the policy says so, and says that a restart failed where there is nothing to go back to', () => {
    const pausing = { policy: { ...DEFAULT_ROLLOUT_POLICY, onFailure: 'pause' } } as const;
    expect(planned([old('a'), old('b'), failed()], {}, pausing).rollout).toMatchObject({ state: 'paused' });
    expect(planned([old('a'), old('b'), failed()], { revision: 1 }).rollout).toMatchObject({ state: 'failed' });
  });

  it('ends at its deadline, in words', () => {
    const result = planned([old('a'), old('b'), young('c', { runningAt: null, status: 'starting' })], { deadlineAt: NOW });
    const why = 'No progress for 600 s: 0 of 2 new replicas are healthy';
    expect(result.rollout).toEqual({ kind: 'state', state: 'rolled_back', why });
  });

  it('says at its deadline what it waited for', () => {
    const result = planned([old('a'), old('b')], { deadlineAt: NOW, reason: 'Insufficient nodes for new replicas: 0 of 1' });
    const why = 'No progress for 600 s: 0 of 2 new replicas are healthy; Insufficient nodes for new replicas: 0 of 1';
    expect(result.rollout).toMatchObject({ state: 'rolled_back', why });
  });

  it('forgets what it waited for when nothing is left to place', () => {
    const waited = { reason: 'Insufficient nodes for new replicas: 0 of 1' };
    expect(planned([old('a'), old('b')], waited).rollout).toBeNull();
    const placed = young('c', { status: 'starting', runningAt: null });
    expect(planned([old('a'), old('b'), placed], waited).rollout).toEqual({ kind: 'waits', words: null });
    expect(planned([old('a'), old('b'), placed]).rollout).toBeNull();
  });

  it('neither begins nor ends anything while it is paused, and has no deadline', () => {
    const result = planned([old('a'), old('b'), young('c')], { state: 'paused', deadlineAt: secondsAgo(9) });
    expect([result.place, result.moves, result.rollout, result.lookAgainMs]).toEqual([null, [], null, null]);
  });

  it('brings the old ones back before the new ones leave, and is finished then', () => {
    const back = { state: 'rolled_back' } as const;
    const first = planned([old('b'), young('c'), young('d')], back);
    expect(first).toMatchObject({ place: { rollout: 0, count: 1 }, moves: [{ replicaId: 'c', to: 'stopping' }], rollout: null });
    const second = planned([old('b'), young('d')], back);
    expect(second).toMatchObject({ place: { revision: 1, rollout: 0, count: 1 }, moves: [], rollout: null });
    const third = planned([old('b'), old('e'), young('d')], back);
    expect(third.moves).toEqual([expect.objectContaining({ replicaId: 'd', to: 'stopping' })]);
    expect(planned([old('b'), old('e')], back).rollout).toEqual({ kind: 'finished' });
  });

  it('goes back at once to one that served before the rollout began, however briefly it had run then', () => {
    const policy = { ...DEFAULT_ROLLOUT_POLICY, minHealthySeconds: 600 };
    const given = young('c', { runningAt: secondsAgo(50) });
    const back = (runningAt: Date): Plan =>
      planned([old('a', { runningAt }), given], { state: 'rolled_back' }, { targetReplicas: 1, policy });
    expect(back(secondsAgo(61)).moves).toEqual([expect.objectContaining({ replicaId: 'c', to: 'stopping' })]);
    expect(back(secondsAgo(55)).moves).toEqual([]);
  });

  it('does not count a replica that somebody has paused, or whose node is silent', () => {
    const frozen = plan(
      aPlanInput({
        replicas: [old('a'), old('b'), young('c')],
        views: {
          n1: {
            reachable: true,
            workloads: new Map([...['a', 'b'].map((id) => [id, aWorkload(id, 'running')] as const), ['c', aWorkload('c', 'paused')]]),
          },
        },
        deployment: { targetReplicas: 2, rollout: OPEN },
      }),
    );
    expect([frozen.moves, frozen.rollout]).toEqual([[], null]);
    const silent = planned([old('a'), old('b'), young('c', { nodeId: 'n2', nodeOnline: false })]);
    expect([silent.moves, silent.rollout]).toEqual([[], null]);
  });

  it.each([null, false])('does not count a replica whose health check says %j', (healthy) => {
    const check = { run: 'r', healthy, reason: null };
    const result = planned([old('a'), old('b'), young('c', { check, healthy })]);
    expect([result.moves, result.rollout]).toEqual([[], null]);
  });

  describe('to which routes lead', () => {
    const published = [{ containerPort: 80, protocol: 'tcp', hostIp: '0.0.0.0', hostPort: 32_768 }] as const;
    const here = { runtime: 'agent', endpoint: null, address: '192.0.2.7' } as const;
    const nowhere = { ...here, address: null };
    const routed = (replicas: readonly PlanReplica[], rollout: Partial<PlanRollout> = {}, ports: readonly number[] = [80]): Plan =>
      planned(
        replicas.map((replica) => ({ ...replica, published })),
        rollout,
        { routedPorts: ports },
      );
    const words = 'No router reaches replicas on node node-n1: the node needs an address';
    const olds = [old('a', { nodePlace: here }), old('b', { nodePlace: here })];

    it('does not count a new replica that no router reaches, and says what is missing, once and at the deadline', () => {
      const lonely = young('c', { nodePlace: nowhere });
      const result = routed([...olds, lonely]);
      expect([result.place, result.moves, result.rollout]).toEqual([null, [], { kind: 'waits', words }]);
      expect(routed([...olds, lonely], { reason: words }).rollout).toBeNull();
      const why = `No progress for 600 s: 0 of 2 new replicas are healthy; ${words}`;
      expect(routed([...olds, lonely], { deadlineAt: NOW }).rollout).toMatchObject({ state: 'rolled_back', why });
    });

    it('counts it as soon as its node has an address, or no route leads to it', () => {
      const reached = routed([...olds, young('c', { nodePlace: here })], { reason: words });
      expect(reached).toMatchObject({ moves: [{ replicaId: 'a', to: 'stopping' }], rollout: { kind: 'progress', healthyReplicas: 1 } });
      const unrouted = routed([...olds, young('c', { nodePlace: nowhere })], {}, []);
      expect(unrouted.rollout).toEqual({ kind: 'progress', healthyReplicas: 1 });
    });

    it.each([
      ['that publishes no such port', [], here, 'port 80 is not published there'],
      [
        'whose ports are those of another machine alone',
        [{ ...published[0], hostIp: '127.0.0.1' }],
        here,
        'its ports are published at 127.0.0.1, which is reached on that machine only (PUBLISH_ADDRESS)',
      ],
    ])('says so of a replica %s', (_what, ports, nodePlace, expected) => {
      const deployment = { routedPorts: [80] };
      const result = planned(
        [...olds.map((each) => ({ ...each, published })), young('c', { published: ports, nodePlace })],
        {},
        deployment,
      );
      expect(result.rollout).toEqual({ kind: 'waits', words: `No router reaches replicas on node node-n1: ${expected}` });
    });

    it('ends of the old ones the one that answers last', () => {
      const result = routed([old('a', { nodePlace: here }), old('b', { nodePlace: nowhere }), young('c', { nodePlace: here })]);
      expect(result.moves).toEqual([expect.objectContaining({ replicaId: 'b', to: 'stopping' })]);
    });

    it('asks an old replica for some route only, as nothing else may answer for that one', () => {
      const result = routed([...olds, young('c', { nodePlace: here })], {}, [80, 81]);
      expect(result.moves).toEqual([]);
      expect(result.rollout).toEqual({
        kind: 'waits',
        words: 'No router reaches replicas on node node-n1: port 81 is not published there',
      });
    });

    it('does not drain a node while its replica is the only one that routers reach, and says why', () => {
      const leaving = { ...old('a', { nodeDraining: true, nodePlace: here }), published };
      const drain = (nodePlace: PlanReplica['nodePlace'], over: Partial<PlanReplica> = {}): Plan =>
        planned(
          [
            { ...leaving, ...over },
            { ...old('b', { nodePlace }), published },
          ],
          {},
          {
            rollout: null,
            targetReplicas: 1,
            routedPorts: [80],
          },
        );
      expect(drain(nowhere)).toMatchObject({ moves: [], blocked: [words] });
      const left = { moves: [{ replicaId: 'a', to: 'stopping', reason: 'Node is draining' }], blocked: [] };
      expect(drain(here)).toMatchObject(left);
      expect(drain(nowhere, { nodePlace: nowhere })).toMatchObject(left);
    });
  });

  it('does not stop a deployment whose runs are all over while its rollout is paused', () => {
    const done = { status: 'stopped', completed: true, restart: 'on_failure', reserved: false } as const;
    const runs = [young('c', done), young('d', done)];
    expect(planned(runs, { state: 'paused' })).toMatchObject({ deployment: null, rollout: null });
    const rolledOut = { rollout: null, currentRollout: 1, revision: 2 };
    expect(planned(runs, {}, rolledOut).deployment).toEqual({ to: 'stopped', reason: 'All 2 replicas ended well' });
  });

  it('takes runs that are over for serving ones, so that jobs roll out too', () => {
    const done = { status: 'stopped', completed: true, restart: 'on_failure', reserved: false } as const;
    const result = planned([old('a', done), old('b', done), young('c', done)]);
    expect(result.rollout).toEqual({ kind: 'progress', healthyReplicas: 1 });
    expect(result.supersede).toHaveLength(1);
  });
});
