import { DEPLOYMENT_STATUSES, type DeploymentStatus } from '../deployments/domain/deployment-status';
import { REPLICA_STATUSES } from '../deployments/domain/replica-status';
import { aReplica, aWorkload, NOW, secondsAgo, showing, silent } from '../../test/support/plan-input';
import { ended, judge, type Judgement } from './judge';
import type { WorkloadPhase } from '../runtime/runtime-driver';
import type { NodeView, PlanReplica, StartFailure } from './plan.types';

/** A judgement in short, without the replica. */
const told = ({ status, move, ensure, suspend, suspended, keptUntil, remove, release, blocked, hopeless }: Judgement) => {
  const moved = move && `${move.from} → ${move.to}: ${move.reason ?? 'no words'}`;
  return { status, moved, ensure, suspend, suspended, keptUntil, remove, release, blocked, hopeless };
};
const judged = (
  replica: Partial<PlanReplica>,
  view: NodeView | undefined,
  { status = 'running', failure }: { status?: DeploymentStatus; failure?: StartFailure } = {},
) => {
  return told(judge(aReplica('r1', replica), view, { status, patient: true, now: NOW, failure }));
};

describe('judge, of a pending replica', () => {
  it.each(['scheduled', 'running'] as const)('starts it while the deployment is %s, written down before the engine is asked', (status) => {
    expect(judged({ status: 'pending' }, showing(), { status })).toEqual({
      status: 'starting',
      ensure: true,
      moved: 'pending → starting: Starting',
    });
  });

  it.each(['pending', 'stopped', 'failed', 'deleted'] as const)(
    'stops it without asking an engine while the deployment is %s',
    (status) => {
      expect(judged({ status: 'pending' }, silent(), { status })).toEqual({
        status: 'stopped',
        release: true,
        moved: `pending → stopped: Deployment is ${status}`,
      });
    },
  );
});

describe('judge, of a starting replica', () => {
  const starting = { status: 'starting' } as const;

  it.each([
    ['asks the engine for what it does not have yet', showing(), { status: 'starting', ensure: true }],
    ['waits for a container that is starting', showing(['r1', 'starting']), { status: 'starting' }],
    [
      'asks again for a container that was created and never started, because the order to start it was lost',
      { reachable: true, workloads: new Map([['r1', aWorkload('r1', 'starting', { startedAt: null })]]) } as const,
      { status: 'starting', ensure: true },
    ],
    [
      'notes one that runs without an order, and orders it',
      { reachable: true, workloads: new Map([['r1', aWorkload('r1', 'running', { unordered: true })]]) } as const,
      { status: 'running', ensure: true, moved: 'starting → running: no words' },
    ],
    ['notes a container that runs', showing(['r1', 'running']), { status: 'running', moved: 'starting → running: no words' }],
    [
      'fails one that exited and removes it',
      showing(['r1', 'exited']),
      { status: 'failed', remove: true, moved: 'starting → failed: Exited with code 1' },
    ],
    [
      'fails one that is unhealthy and removes it',
      showing(['r1', 'unhealthy']),
      { status: 'failed', remove: true, moved: 'starting → failed: Ended without a reason' },
    ],
    ['waits while the engine of an online node does not answer', silent('No answer'), { status: 'starting', blocked: 'No answer' }],
  ])('%s', (_name, view, expected) => {
    expect(judged(starting, view)).toEqual(expected);
  });

  it('fails it when its node went offline, and keeps the reservation', () => {
    expect(judged({ ...starting, nodeOnline: false }, silent())).toEqual({
      status: 'failed',
      moved: 'starting → failed: Node node-n1 went offline before the replica had started',
    });
  });

  it('fails it when the engine refused, and removes what there is', () => {
    const failure = { words: 'Port 80 is taken', retryable: true, passing: false };
    expect(judged(starting, showing(), { failure })).toEqual({ status: 'failed', moved: 'starting → failed: Port 80 is taken' });
    expect(judged(starting, showing(['r1', 'starting']), { failure })).toMatchObject({ status: 'failed', remove: true });
  });

  it('is hopeless when the engine would refuse again', () => {
    const failure = { words: 'No such command', retryable: false, passing: false };
    expect(judged(starting, showing(), { failure })).toMatchObject({ status: 'failed', hopeless: true });
  });

  it('keeps the ports and the start time of what runs', () => {
    const publishedPorts = [{ containerPort: 80, protocol: 'tcp', hostIp: '127.0.0.1', hostPort: 32_768 }] as const;
    const workload = aWorkload('r1', 'running', { startedAt: secondsAgo(3), publishedPorts });
    const { move } = judge(
      aReplica('r1', starting),
      { reachable: true, workloads: new Map([['r1', workload]]) },
      { status: 'running', patient: true, now: NOW, failure: undefined },
    );
    expect(move).toMatchObject({ containerId: 'container-r1', startedAt: secondsAgo(3), published: publishedPorts });
  });
});

describe('judge, of a running replica', () => {
  it.each([
    ['is content while its container runs', showing(['r1', 'running']), { status: 'running' }],
    ['is content while its container is started again', showing(['r1', 'starting']), { status: 'running' }],
    [
      'orders a container that nobody has ordered',
      { reachable: true, workloads: new Map([['r1', aWorkload('r1', 'running', { unordered: true })]]) } as const,
      { status: 'running', ensure: true },
    ],
    ['believes the records while the node is silent', silent(), { status: 'running' }],
    ['believes the records while the engine was not asked', undefined, { status: 'running' }],
    [
      'notices an exit and removes what is left',
      showing(['r1', 'exited']),
      { status: 'failed', remove: true, moved: 'running → failed: Exited with code 1' },
    ],
    [
      'notices a failed health check',
      showing(['r1', 'unhealthy']),
      { status: 'failed', remove: true, moved: 'running → failed: Ended without a reason' },
    ],
    [
      'notices a container that vanished',
      showing(),
      { status: 'failed', moved: 'running → failed: The container has vanished from its node' },
    ],
  ])('%s', (_name, view, expected) => {
    expect(judged({ status: 'running' }, view)).toEqual(expected);
  });

  it.each([
    ['says nothing of the first failure', 0, 5, 'Exited with code 1'],
    [
      'says how often it failed and when the next attempt comes',
      1,
      5,
      'Exited with code 1 (failed 2 times in a row; next attempt in 10 s)',
    ],
    ['says so of a long crash loop', 9, 5, 'Exited with code 1 (failed 10 times in a row; next attempt in 300 s)'],
    ['forgets the past of one that ran for ten minutes', 9, 600, 'Exited with code 1'],
  ])('%s', (_name, attempt, ranSeconds, words) => {
    const replica = { status: 'running', attempt, runningAt: secondsAgo(ranSeconds), changedAt: secondsAgo(ranSeconds) } as const;
    expect(judged(replica, showing(['r1', 'exited']))).toMatchObject({ moved: `running → failed: ${words}` });
  });
});

describe('judge, of a replica that leaves', () => {
  it.each([
    ['removes what is still there', 'stopping', showing(['r1', 'running']), { status: 'stopping', remove: true }],
    [
      'believes the engine that it is gone',
      'stopping',
      showing(),
      { status: 'stopped', release: true, moved: 'stopping → stopped: Scaled down' },
    ],
    ["waits for the engine's word", 'stopping', silent('No answer'), { status: 'stopping', blocked: 'No answer' }],
    ['removes the container of a failed one', 'failed', showing(['r1', 'exited']), { status: 'failed', remove: true }],
    ['releases a failed one whose container is gone', 'failed', showing(), { status: 'failed', release: true }],
    ['keeps the reservation of a failed one on a silent node', 'failed', silent('No answer'), { status: 'failed', blocked: 'No answer' }],
  ] as const)('%s', (_name, status, view, expected) => {
    expect(judged({ status, reason: 'Scaled down' }, view)).toEqual(expected);
  });

  it('leaves finished replicas alone', () => {
    expect(judged({ status: 'failed', reserved: false }, showing(['r1', 'exited']))).toEqual({ status: 'failed' });
    expect(judged({ status: 'stopped', reserved: false }, showing(['r1', 'exited']))).toEqual({ status: 'stopped' });
  });

  it('does not hang on the status of the deployment, except for what was never started', () => {
    for (const status of REPLICA_STATUSES.filter((each) => each !== 'pending')) {
      const answers = DEPLOYMENT_STATUSES.map((deployment) => judged({ status }, showing(['r1', 'running']), { status: deployment }));
      expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    }
  });
});

describe('judge, of a stopping replica that is kept warm', () => {
  const later = secondsAgo(-600);
  const runAt = secondsAgo(300);
  const warm = { status: 'stopping', reason: 'Deployment deleted', startedAt: secondsAgo(300), warmUntil: later } as const;
  const suspended = { ...warm, suspendedAt: secondsAgo(5), suspendedRunAt: runAt } as const;
  const shows = (phase: WorkloadPhase, startedAt: Date | null = runAt): NodeView => ({
    reachable: true,
    workloads: new Map([['r1', aWorkload('r1', phase, { startedAt })]]),
  });
  const kept = { status: 'stopping', keptUntil: later };
  const gone = { status: 'stopped', release: true, moved: 'stopping → stopped: Deployment deleted' };

  it.each<[string, Partial<PlanReplica>, NodeView, object]>([
    ['stops what runs, without removing it', warm, shows('running'), { status: 'stopping', suspend: true }],
    ['stops what has not passed its health check yet', warm, shows('starting'), { status: 'stopping', suspend: true }],
    ['notes what stands still', warm, shows('exited'), { ...kept, suspended: { replicaId: 'r1', runAt } }],
    ['has nothing to do with what is suspended', suspended, shows('exited'), kept],
    ['does not mind a silent node once it is suspended', suspended, silent('No answer'), kept],
    ["waits for the engine's word before that", warm, silent('No answer'), { status: 'stopping', blocked: 'No answer' }],
    ['stops again what was started by hand', suspended, shows('running', NOW), { status: 'stopping', suspend: true }],
    ['notes the later run when that has ended', suspended, shows('exited', NOW), { ...kept, suspended: { replicaId: 'r1', runAt: NOW } }],
    ['releases what was removed by hand', suspended, showing(), gone],
    ['removes what has never run', warm, shows('starting', null), { status: 'stopping', remove: true }],
    ['keeps nothing of a replica that has never run', { ...warm, startedAt: null }, shows('running'), { status: 'stopping', remove: true }],
    ['removes it when its time is over', { ...suspended, warmUntil: NOW }, shows('exited'), { status: 'stopping', remove: true }],
    [
      'removes it from a node that is being emptied',
      { ...suspended, nodeDraining: true },
      shows('exited'),
      { status: 'stopping', remove: true },
    ],
  ])('%s', (_name, replica, view, expected) => {
    expect(judged(replica, view, { status: 'deleted' })).toEqual(expected);
  });

  it.each(DEPLOYMENT_STATUSES.filter((status) => status !== 'deleted'))('removes it once the deployment is %s again', (status) => {
    expect(judged(suspended, shows('exited'), { status })).toEqual({ status: 'stopping', remove: true });
  });

  describe('and is started again', () => {
    const resumed = { status: 'starting', suspendedRunAt: runAt } as const;

    it.each<[string, NodeView, object]>([
      ['asks the engine while the suspended run is its last', shows('exited'), { status: 'starting', ensure: true }],
      ['asks for a new container when the kept one is gone', showing(), { status: 'starting', ensure: true }],
      ['waits for the new run', shows('starting', NOW), { status: 'starting' }],
      ['notes that it runs', shows('running', NOW), { status: 'running', moved: 'starting → running: no words' }],
      [
        'fails it when the new run has ended too',
        shows('exited', NOW),
        { status: 'failed', remove: true, moved: 'starting → failed: Exited with code 1' },
      ],
    ])('%s', (_name, view, expected) => {
      expect(judged(resumed, view, { status: 'scheduled' })).toEqual(expected);
    });

    it('makes place for a new replica when the engine refuses, whatever it refuses: that was about the kept container', () => {
      const failure = { words: 'Port 80 is taken', retryable: false, passing: false };
      const told = judged(resumed, shows('exited'), { status: 'scheduled', failure });
      expect(told).toEqual({ status: 'failed', remove: true, moved: 'starting → failed: Port 80 is taken' });
    });
  });
});

describe('ended', () => {
  const of = (status: PlanReplica['status'], view: NodeView) =>
    told(ended(judge(aReplica('r1', { status }), view, { status: 'running', patient: true, now: NOW, failure: undefined }), 'Enough'));

  it.each([
    ['stops what was never started', 'pending', showing(), { status: 'stopped', release: true, moved: 'pending → stopped: Enough' }],
    ['has a start stopped', 'starting', showing(), { status: 'stopping', remove: true, moved: 'starting → stopping: Enough' }],
    [
      'has one stopped that has just begun to run',
      'starting',
      showing(['r1', 'running']),
      { status: 'stopping', remove: true, moved: 'starting → stopping: Enough' },
    ],
    [
      'has a running one stopped',
      'running',
      showing(['r1', 'running']),
      { status: 'stopping', remove: true, moved: 'running → stopping: Enough' },
    ],
    [
      'lets a failure be a failure',
      'running',
      showing(),
      { status: 'failed', moved: 'running → failed: The container has vanished from its node' },
    ],
    ['lets the leaving leave', 'stopping', showing(['r1', 'running']), { status: 'stopping', remove: true }],
  ] as const)('%s', (_name, status, view, expected) => {
    expect(of(status, view)).toEqual(expected);
  });
});

describe('judge, of a replica on a machine of a cluster that does not answer', () => {
  it('is blocked, so that its successor does not wait for its end, and is told to end all the same', () => {
    const workload = aWorkload('r1', 'unhealthy', { outOfReach: true, reason: 'Its machine does not answer' });
    const view = { reachable: true, workloads: new Map([['r1', workload]]) } as const;
    expect(judged({ status: 'failed', reserved: true }, view)).toMatchObject({ remove: true, blocked: 'Its machine does not answer' });
  });
});
