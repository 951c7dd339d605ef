import type { V1ContainerState, V1Job, V1Pod } from '@kubernetes/client-node';
import { LABEL, MADE_OF } from './labels';
import { observe, RAN_AT } from './observe';

const STARTED = new Date('2026-01-01T10:00:00Z');
const labels = { [LABEL.replica]: 'r1', [LABEL.deployment]: 'd1' };
const aJob = (over: Partial<V1Job> = {}): V1Job => ({ metadata: { uid: 'job-1', labels }, spec: { template: {} }, ...over });
const aPod = (state: V1ContainerState | undefined, over: Partial<V1Pod['status']> = {}, probed = false): V1Pod => ({
  metadata: { uid: 'pod-1', labels },
  spec: {
    containers: [
      {
        name: 'replica',
        ports: [{ containerPort: 80 }],
        resources: { limits: { memory: '64Mi' } },
        ...(probed ? { readinessProbe: { tcpSocket: { port: 80 } } } : {}),
      },
    ],
  },
  status: {
    podIP: '10.0.0.9',
    ...(state ? { containerStatuses: [{ name: 'replica', state, image: '', imageID: '', ready: true, restartCount: 0 }] } : {}),
    ...over,
  },
});
const running = { running: { startedAt: STARTED } };
const ended = (exitCode: number, more: object = {}): V1ContainerState => ({
  terminated: { exitCode, startedAt: STARTED, finishedAt: STARTED, ...more },
});
const failed = (message: string): V1Job => aJob({ status: { conditions: [{ type: 'Failed', status: 'True', message }] } });
const suspended = (ranAt?: Date): V1Job =>
  aJob({
    metadata: { uid: 'job-1', labels, annotations: ranAt ? { [RAN_AT]: ranAt.toISOString() } : {} },
    spec: { suspend: true, template: {} },
  });

describe('observe', () => {
  it('shows the Job as the workload, by the labels of the replica', () => {
    const annotations = { [MADE_OF.image]: 'web:1', [MADE_OF.spec]: 'abc' };
    const metadata = {
      name: 'fog-r1',
      uid: 'job-1',
      creationTimestamp: STARTED,
      labels: { ...labels, [LABEL.generation]: '2' },
      annotations,
    };
    expect(observe({ job: aJob({ metadata }), pods: [aPod(running)] })).toEqual({
      replicaId: 'r1',
      deploymentId: 'd1',
      containerId: 'job-1',
      phase: 'running',
      hasRun: true,
      startedAt: STARTED,
      upSeconds: null,
      exitCode: null,
      reason: null,
      publishedPorts: [{ containerPort: 80, protocol: 'tcp', hostIp: '10.0.0.9', hostPort: 80 }],
      origin: { name: 'fog-r1', image: 'web:1', createdAt: STARTED, generation: 2, specDigest: 'abc', imageDigest: null },
    });
  });

  const ready = (status: string, at: Date) => ({ conditions: [{ type: 'ContainersReady', status, lastTransitionTime: at }] });
  const later = new Date(STARTED.getTime() + 60_000);
  it.each([
    ['a Job that has no Pod yet', aJob(), [], { phase: 'starting', hasRun: false }],
    ['a Pod that waits', aJob(), [aPod({ waiting: { reason: 'ContainerCreating' } })], { phase: 'starting', hasRun: false }],
    ['a Pod without a machine', aJob(), [aPod(undefined)], { phase: 'starting', hasRun: false }],
    ['one that is checked and ready', aJob(), [aPod(running, ready('True', later), true)], { phase: 'running' }],
    ['one that was never ready', aJob(), [aPod(running, ready('False', STARTED), true)], { phase: 'starting', hasRun: true }],
    [
      'one that is no longer ready',
      aJob(),
      [aPod(running, ready('False', later), true)],
      { phase: 'unhealthy', reason: 'Health check fails' },
    ],
    ['an end', aJob(), [aPod(ended(3))], { phase: 'exited', exitCode: 3, reason: 'Exited with code 3', startedAt: STARTED }],
    ['lack of memory', aJob(), [aPod(ended(137, { reason: 'OOMKilled' }))], { reason: 'Out of memory (limit 64 MB)' }],
    [
      'a command that is not there',
      aJob(),
      [aPod(ended(128, { reason: 'StartError', message: 'exec: "x": executable file not found in $PATH' }))],
      { phase: 'exited', hasRun: false, reason: 'The command was not found in the image' },
    ],
    [
      'an eviction',
      aJob(),
      [aPod(ended(137), { phase: 'Failed', reason: 'Evicted', message: 'The node was low on memory.' })],
      { phase: 'exited', reason: 'Evicted from its machine: The node was low on memory.' },
    ],
    [
      'a drain',
      aJob(),
      [aPod(ended(143), { conditions: [{ type: 'DisruptionTarget', status: 'True', message: 'Eviction API: evicting' }] })],
      { phase: 'exited', reason: 'Ended by the cluster: Eviction API: evicting' },
    ],
    [
      'a drain that a Pod obeys with code 0',
      aJob(),
      [aPod(ended(0), { conditions: [{ type: 'DisruptionTarget', status: 'True', message: 'Eviction API: evicting' }] })],
      { phase: 'exited', hasRun: true, exitCode: null, reason: 'Ended by the cluster: Eviction API: evicting' },
    ],
    [
      'a Pod that somebody removes and that obeys with code 0',
      aJob(),
      [{ ...aPod(ended(0)), metadata: { labels, deletionTimestamp: later } }],
      { phase: 'exited', hasRun: true, exitCode: null, reason: 'Its Pod was removed from the cluster' },
    ],
    [
      'a Pod that its machine has refused',
      aJob(),
      [aPod(undefined, { phase: 'Failed', reason: 'OutOfcpu', message: "Node didn't have enough resource: cpu" })],
      { phase: 'exited', hasRun: false, reason: "Its machine has refused it: OutOfcpu: Node didn't have enough resource: cpu" },
    ],
    ['one of which nobody says why', aJob(), [aPod(undefined, { phase: 'Failed' })], { reason: 'Ended before its container ran' }],
    ['an end with code 0', aJob(), [aPod(ended(0))], { phase: 'exited', hasRun: true, exitCode: 0 }],
    ['a start that is taken back', aJob({ metadata: { labels, deletionTimestamp: later } }), [], { phase: 'starting', reason: null }],
    [
      'a Pod that somebody removed',
      failed('backoff'),
      [],
      { phase: 'exited', hasRun: true, reason: 'Its Pod was removed from the cluster' },
    ],
    [
      'a Pod that was removed after its end, before anybody looked',
      aJob({ status: { conditions: [{ type: 'Complete', status: 'True' }] } }),
      [],
      { phase: 'exited', hasRun: true, exitCode: null, reason: 'Its Pod was removed from the cluster' },
    ],
    ['a suspended run', suspended(STARTED), [], { phase: 'exited', hasRun: true, startedAt: STARTED, reason: 'Suspended' }],
    ['a suspended Job whose Pod still runs', suspended(STARTED), [aPod(running)], { phase: 'running' }],
    ['a Pod whose Job is gone', null, [aPod(running)], { phase: 'running', replicaId: 'r1', containerId: 'pod-1' }],
    ['the running one of two', aJob(), [aPod(running), aPod(undefined)], { phase: 'running' }],
  ])('reads %s', (_what, job, pods, seen) => {
    expect(observe({ job, pods }, STARTED)).toMatchObject(seen);
  });

  it('takes a container that was never ready for unhealthy once its check has failed as often as it may', () => {
    const pod = aPod(running, ready('False', STARTED), true);
    Object.assign(pod.spec!.containers[0]!.readinessProbe!, {
      initialDelaySeconds: 20,
      periodSeconds: 10,
      failureThreshold: 3,
      timeoutSeconds: 4,
    });
    const after = (seconds: number): Date => new Date(STARTED.getTime() + seconds * 1000);
    expect(observe({ job: aJob(), pods: [pod] }, after(58))).toMatchObject({ phase: 'starting', reason: null });
    expect(observe({ job: aJob(), pods: [pod] }, after(60))).toMatchObject({ phase: 'unhealthy', reason: 'Health check fails' });
  });

  it('does not take a Job that somebody has suspended, or told to have no Pod, for one that starts', () => {
    const words = 'Somebody has suspended its Job in the cluster';
    for (const job of [suspended(), aJob({ spec: { parallelism: 0, template: {} } })]) {
      expect(observe({ job, pods: [] })).toMatchObject({ phase: 'exited', hasRun: false, reason: words });
    }
  });

  it('takes a Pod on a silent machine for lost once the cluster has given it up, and not before', () => {
    const conditions = [
      { type: 'Ready', status: 'False' },
      { type: 'ContainersReady', status: 'True' },
    ];
    const silent = aPod(running, { conditions });
    expect(observe({ job: aJob(), pods: [silent] })).toMatchObject({ phase: 'running' });
    const givenUp = { ...silent, metadata: { ...silent.metadata, deletionTimestamp: STARTED } };
    expect(observe({ job: aJob(), pods: [givenUp] })).toMatchObject({
      phase: 'unhealthy',
      startedAt: STARTED,
      outOfReach: true,
      reason: 'Its machine in the cluster does not answer',
    });
  });
});
