import { aPlanInput, aReplica, aRollout, NOW, secondsAgo, showing, silent } from '../../test/support/plan-input';
import { plan } from './plan';
import type { Plan, PlanInput, PlanReplica } from './plan.types';

const moves = ({ moves: all }: Plan): string[] => all.map(({ replicaId, from, to }) => `${replicaId}: ${from} → ${to}`);
const settled = (result: Plan): boolean =>
  [result.moves, result.release, result.supersede, result.ensure, result.remove, result.blocked].every((list) => list.length === 0) &&
  [result.place, result.deployment, result.lookAgainMs].every((part) => part === null);
/** Failed a minute ago, long enough for the first replacements. */
const failedReplica = (id: string, over: Parameters<typeof aReplica>[1] = {}) =>
  aReplica(id, { status: 'failed', reserved: false, reason: 'Exited with code 1', ...over });

describe('plan, of a pending deployment', () => {
  it('places all replicas at once', () => {
    const result = plan(aPlanInput({ deployment: { status: 'pending', targetReplicas: 3 } }));
    expect(result.place).toEqual({ revision: 1, rollout: 0, count: 3, cause: 'deploy', replaces: [] });
  });

  it('goes on removing the replicas of the past', () => {
    const replicas = [aReplica('old', { status: 'stopping' })];
    const result = plan(
      aPlanInput({
        deployment: { status: 'pending', targetReplicas: 1, generation: 2 },
        replicas,
        views: { n1: showing(['old', 'running']) },
      }),
    );
    expect(result.remove).toEqual([{ nodeId: 'n1', replicaId: 'old' }]);
    expect(result.place?.count).toBe(1);
  });
});

describe('plan, of a scheduled deployment', () => {
  const scheduled = (over: Parameters<typeof aPlanInput>[0]): Plan =>
    plan(aPlanInput({ ...over, deployment: { status: 'scheduled', ...over?.deployment } }));

  it('writes down starts before it asks for them', () => {
    const result = scheduled({ replicas: [aReplica('a', { status: 'pending' }), aReplica('b', { status: 'pending' })] });
    expect(moves(result)).toEqual(['a: pending → starting', 'b: pending → starting']);
    expect(result.ensure).toEqual(['a', 'b']);
  });

  it('is running when the last replica runs', () => {
    const replicas = [aReplica('a'), aReplica('b', { status: 'starting' })];
    const result = scheduled({ replicas, views: { n1: showing(['a', 'running'], ['b', 'running']) } });
    expect(result.deployment).toEqual({ to: 'running', reason: 'All 2 replicas started successfully' });
  });

  it('is not running before', () => {
    const replicas = [aReplica('a'), aReplica('b', { status: 'starting' })];
    expect(scheduled({ replicas, views: { n1: showing(['a', 'running'], ['b', 'starting']) } }).deployment).toBeNull();
  });

  it('fails at once when a start can never succeed, and ends the other replicas', () => {
    const replicas = [aReplica('a', { status: 'starting' }), aReplica('b'), aReplica('c', { status: 'pending' })];
    const startFailures = new Map([['a', { words: 'No such command', retryable: false, passing: false }]]);
    const result = scheduled({ replicas, startFailures, views: { n1: showing(['b', 'running']) } });
    expect(result.deployment).toEqual({ to: 'failed', reason: 'Replicas did not start: No such command, on node node-n1' });
    expect(moves(result)).toEqual(['a: starting → failed', 'b: running → stopping', 'c: pending → stopped']);
    expect(result).toMatchObject({ ensure: [], release: ['c'], remove: [{ nodeId: 'n1', replicaId: 'b' }], place: null });
  });

  it.each([
    ['tries again after the first failure', 0, null],
    ['tries again after the second failure in a row', 1, null],
    ['fails after the third failure in a row', 2, 'failed'],
  ])('%s', (_name, attempt, expected) => {
    const replicas = [aReplica('a', { status: 'starting', attempt })];
    expect(scheduled({ replicas, views: { n1: showing(['a', 'exited']) } }).deployment?.to ?? null).toBe(expected);
  });

  it('does not promise another attempt when it has failed', () => {
    const replicas = [aReplica('a', { status: 'starting', attempt: 2 })];
    const result = scheduled({ replicas, views: { n1: showing(['a', 'exited']) } });
    expect(result.deployment?.reason).toBe('Replicas did not start: Exited with code 1 (failed 3 times in a row), on node node-n1');
  });

  it('does not promise it either when the start is hopeless', () => {
    const startFailures = new Map([['a', { words: 'No such command', retryable: false, passing: false }]]);
    const result = scheduled({ replicas: [aReplica('a', { status: 'starting', attempt: 1 })], startFailures });
    expect(result.deployment?.reason).toBe('Replicas did not start: No such command (failed 2 times in a row), on node node-n1');
  });

  it('counts anew when the replica that failed had run for ten minutes', () => {
    const ran = { attempt: 2, runningAt: secondsAgo(1200), changedAt: secondsAgo(1200) };
    const replicas = [aReplica('a', ran), aReplica('b', { status: 'starting' })];
    expect(scheduled({ replicas, views: { n1: showing(['a', 'exited'], ['b', 'starting']) } }).deployment).toBeNull();
  });

  it('does not fail for the failures of an earlier generation', () => {
    const replicas = [failedReplica('old', { attempt: 9, reserved: true }), aReplica('a', { status: 'starting', generation: 2 })];
    const result = scheduled({ replicas, deployment: { generation: 2, targetReplicas: 1 }, views: { n1: showing(['a', 'starting']) } });
    expect(result.deployment).toBeNull();
  });
});

describe('plan, of a running deployment', () => {
  it('rests when all run', () => {
    expect(settled(plan(aPlanInput({ replicas: [aReplica('a')], views: { n1: showing(['a', 'running']) } })))).toBe(true);
  });

  it('rests when a node with running replicas is silent', () => {
    expect(settled(plan(aPlanInput({ replicas: [aReplica('a')], views: { n1: silent() } })))).toBe(true);
  });

  it.each([0, 1, 2, 3, 50])('never becomes failed, after %i failures in a row', (attempt) => {
    const result = plan(aPlanInput({ replicas: [aReplica('a', { attempt })], views: { n1: showing(['a', 'exited']) } }));
    expect(moves(result)).toEqual(['a: running → failed']);
    expect(result.deployment).toBeNull();
  });

  it('never becomes failed when a replacement can never start', () => {
    const startFailures = new Map([['a', { words: 'No such command', retryable: false, passing: false }]]);
    expect(plan(aPlanInput({ replicas: [aReplica('a', { status: 'starting' })], startFailures })).deployment).toBeNull();
  });

  it.each([
    ['waits with the replacement in the pass that notices the failure', aReplica('a', { changedAt: secondsAgo(60) }), showing(), null],
    ['waits with it until the failed container is gone', failedReplica('a', { reserved: true }), showing(['a', 'exited']), null],
    ['waits with it until the reservation is released', failedReplica('a', { reserved: true }), showing(), null],
    ['does not wait for a silent node', failedReplica('a', { reserved: true }), silent(), { id: 'a', attempt: 1 }],
    ['replaces the first failure at once', failedReplica('a', { changedAt: NOW }), showing(), { id: 'a', attempt: 1 }],
    ['waits for the end of the back-off', failedReplica('a', { attempt: 2, changedAt: secondsAgo(19) }), showing(), null],
    [
      'replaces it when the back-off is over',
      failedReplica('a', { attempt: 2, changedAt: secondsAgo(20) }),
      showing(),
      { id: 'a', attempt: 3 },
    ],
  ])('%s', (_name, replica, view, replaced) => {
    const result = plan(aPlanInput({ replicas: [replica], views: { n1: view } }));
    expect(result.place).toEqual(replaced && { revision: 1, rollout: 0, count: 1, cause: 'replace', replaces: [replaced] });
    expect(result.supersede).toEqual([]);
  });

  it('looks again when the back-off is over', () => {
    const result = plan(aPlanInput({ replicas: [failedReplica('a', { attempt: 2, changedAt: secondsAgo(5) })] }));
    expect(result.lookAgainMs).toBe(15_000);
  });

  it('looks again soon while a failed replica holds its reservation', () => {
    const replicas = [failedReplica('a', { reserved: true, superseded: true }), aReplica('b')];
    const views = { n1: showing(['a', 'exited'], ['b', 'running']) };
    expect(plan(aPlanInput({ replicas, views, deployment: { targetReplicas: 1 } })).lookAgainMs).toBe(300);
  });

  it('fills a place that no failed replica holds at once, beside those that are due', () => {
    const replicas = [failedReplica('due'), failedReplica('waiting', { attempt: 5 })];
    const result = plan(aPlanInput({ replicas, deployment: { targetReplicas: 4 } }));
    expect(result.place).toEqual({ revision: 1, rollout: 0, count: 3, cause: 'replace', replaces: [{ id: 'due', attempt: 1 }] });
  });

  it('replaces no more than are missing, and counts the rest as replaced once all places are taken', () => {
    const one = { deployment: { targetReplicas: 1 } };
    expect(plan(aPlanInput({ ...one, replicas: [failedReplica('a'), failedReplica('b')] })).place?.replaces).toEqual([
      { id: 'a', attempt: 1 },
    ]);
    const full = plan(aPlanInput({ ...one, replicas: [failedReplica('a'), aReplica('b')], views: { n1: showing(['b', 'running']) } }));
    expect(full).toMatchObject({ place: null, supersede: ['a'] });
  });

  it('ends what is too much, not yet running ones first, then the oldest', () => {
    const replicas = [aReplica('old'), aReplica('new'), aReplica('newest', { status: 'starting' })];
    const views = { n1: showing(['old', 'running'], ['new', 'running'], ['newest', 'starting']) };
    expect(moves(plan(aPlanInput({ replicas, views, deployment: { targetReplicas: 1 } })))).toEqual([
      'old: running → stopping',
      'newest: starting → stopping',
    ]);
  });
});

describe('plan, of a node that drains', () => {
  const leaving = aReplica('a', { nodeDraining: true });

  it('places the successors first', () => {
    const result = plan(aPlanInput({ replicas: [leaving], views: { n1: showing(['a', 'running']) } }));
    expect(result.place).toEqual({ revision: 1, rollout: 0, count: 1, cause: 'drain', replaces: [] });
    expect(result.moves).toEqual([]);
  });

  it.each([
    ['keeps the old one while its successor starts', 'starting', []],
    ['moves the old one when its successor runs', 'running', ['b: starting → running', 'a: running → stopping']],
  ] as const)('%s', (_name, phase, expected) => {
    const replicas = [leaving, aReplica('b', { nodeId: 'n2', status: 'starting' })];
    const views = { n1: showing(['a', 'running']), n2: showing(['b', phase]) };
    const result = plan(aPlanInput({ replicas, views, deployment: { targetReplicas: 1 } }));
    expect(moves(result).sort()).toEqual([...expected].sort());
    expect(result.place).toBeNull();
  });

  it('replaces a failed one on it elsewhere, after the same back-off', () => {
    const replicas = [failedReplica('a', { nodeDraining: true, attempt: 3, changedAt: NOW })];
    expect(plan(aPlanInput({ replicas })).place).toBeNull();
  });
});

describe('plan, of a deployment that wants nothing', () => {
  it.each(['stopped', 'failed', 'deleted'] as const)('takes down what is left while it is %s', (status) => {
    const replicas = [
      aReplica('a', { status: 'stopping' }),
      aReplica('b', { status: 'stopping' }),
      aReplica('c', { status: 'pending' }),
      failedReplica('d', { reserved: true }),
      failedReplica('e'),
      aReplica('f', { status: 'stopping', nodeId: 'n2' }),
    ];
    const views = { n1: showing(['a', 'running']), n2: silent('No answer') };
    const result = plan(aPlanInput({ deployment: { status, targetReplicas: 3 }, replicas, views }));
    expect(moves(result)).toEqual(['b: stopping → stopped', 'c: pending → stopped']);
    expect(result).toMatchObject({ release: ['b', 'c', 'd'], remove: [{ nodeId: 'n1', replicaId: 'a' }] });
    expect(result).toMatchObject({ place: null, ensure: [], supersede: status === 'deleted' ? ['e'] : [], blocked: ['No answer'] });
  });

  it.each(['pending', 'stopped', 'failed', 'deleted'] as const)(
    'starts nothing and keeps nothing while it is %s, whatever the records say',
    (status) => {
      const replicas = [aReplica('a', { status: 'starting' }), aReplica('b', { status: 'running' })];
      const result = plan(aPlanInput({ deployment: { status }, replicas, views: { n1: showing(['b', 'running']) } }));
      expect(moves(result)).toEqual(['a: starting → stopping', 'b: running → stopping']);
      expect(result.ensure).toEqual([]);
    },
  );

  it('rests when nothing is left, failed replicas or not', () => {
    expect(settled(plan(aPlanInput({ deployment: { status: 'failed' }, replicas: [failedReplica('a')] })))).toBe(true);
    expect(settled(plan(aPlanInput({ deployment: { status: 'deleted' }, replicas: [failedReplica('a', { superseded: true })] })))).toBe(
      true,
    );
  });

  it('supersedes failures that will not be replaced, but not before they hold nothing any more', () => {
    const old = failedReplica('a', { generation: 1 });
    const held = failedReplica('b', { generation: 1, reserved: true });
    const running = { status: 'running', generation: 2, targetReplicas: 1 } as const;
    const replicas = [old, held, aReplica('c', { status: 'running', generation: 2 })];
    const views = { n1: showing(['b', 'exited'], ['c', 'running']) };
    expect(plan(aPlanInput({ deployment: running, replicas, views })).supersede).toEqual(['a']);
  });
});

describe('plan, in any case', () => {
  it('removes workloads of the deployment that belong to no unfinished replica', () => {
    const views = { n1: showing(['a', 'running'], ['stranger', 'exited']), n2: silent() };
    expect(plan(aPlanInput({ replicas: [aReplica('a')], views })).remove).toEqual([{ nodeId: 'n1', replicaId: 'stranger' }]);
  });

  it('says once of a node that it does not answer', () => {
    const replicas = ['a', 'b'].map((id) => aReplica(id, { status: 'stopping' }));
    expect(plan(aPlanInput({ replicas, views: { n1: silent('No answer') } })).blocked).toEqual(['No answer']);
  });

  describe('beside a replica that ends on a node that does not answer', () => {
    const lost = aReplica('lost', { status: 'stopping', nodeId: 'n2', nodeOnline: false });
    const beside = (replicas: PlanReplica[], deployment: Partial<PlanInput['deployment']> = {}): Plan =>
      plan(aPlanInput({ replicas: [lost, ...replicas], views: { n1: showing(['a', 'running']), n2: silent('No answer') }, deployment }));

    it('is due what comes about by itself: a replacement, the next step of a rollout', () => {
      const failing = beside([failedReplica('a', { attempt: 2, changedAt: secondsAgo(5) })]);
      expect([failing.blocked, failing.dueMs]).toEqual([['No answer'], 15_000]);
      const settling = aReplica('a', { revision: 2, rollout: 1, runningAt: secondsAgo(3) });
      expect(beside([aReplica('b'), settling], { rollout: aRollout(), targetReplicas: 1 }).dueMs).toBe(2_000);
    });

    it('is due nothing that only the node can end, nor what could be done now and was not', () => {
      expect(beside([]).dueMs).toBeNull();
      expect(beside([failedReplica('a', { attempt: 1, changedAt: secondsAgo(500) })]).dueMs).toBeNull();
    });
  });

  it.each([
    ['often at first', 9, 300],
    ['seldom later', 10, 2_000],
  ])('looks at slow starts and stops %s', (_name, age, expected) => {
    const replicas = [aReplica('a', { status: 'starting', changedAt: secondsAgo(age) })];
    expect(plan(aPlanInput({ replicas, views: { n1: showing(['a', 'starting']) } })).lookAgainMs).toBe(expected);
  });
});
