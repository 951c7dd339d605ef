import { REPLICA_STATUSES, type ReplicaStatus } from '../deployments/domain/replica-status';
import { aWorkload, RUN_AT } from '../../test/support/plan-input';
import type { ObservedWorkload, WorkloadPhase } from '../runtime/runtime-driver';
import { discrepancies } from './discrepancies';
import type { ReplicaRecord } from './node-sync.repository';

const STEADY = { cameBack: false, draining: false };
const record = (status: ReplicaStatus, over: Partial<ReplicaRecord> = {}) => ({
  id: 'r1',
  deploymentId: 'd1',
  status,
  finished: status === 'stopped',
  suspended: false,
  awaitsCheck: false,
  runAt: RUN_AT,
  startedSecondsAgo: 30,
  paused: false,
  published: [],
  ...over,
});
const wakes = (status: ReplicaStatus, phase: WorkloadPhase | null, node: Partial<typeof STEADY> = {}): boolean =>
  discrepancies([record(status)], phase ? [aWorkload('r1', phase)] : [], { ...STEADY, ...node }).wake.length > 0;

describe('discrepancies', () => {
  it.each<[string, ReplicaStatus, WorkloadPhase | null, boolean]>([
    ['is content with a running container of a running replica', 'running', 'running', false],
    ['wakes for a running replica whose container has vanished', 'running', null, true],
    ['wakes for a running replica whose container has exited', 'running', 'exited', true],
    ['wakes for a running replica whose container is unhealthy', 'running', 'unhealthy', true],
    ['wakes for a running replica whose container is paused', 'running', 'paused', true],
    ['wakes for a running replica whose container starts again', 'running', 'starting', true],
    ['lets a start go on', 'starting', 'starting', false],
    ['lets a pull go on, which has no container yet', 'starting', null, false],
    ['wakes for a start that has come to an end', 'starting', 'running', true],
    ['wakes for a start that has failed', 'starting', 'exited', true],
    ['leaves a removal to the job that does it', 'stopping', 'running', false],
    ['leaves what is placed to the job that starts it', 'pending', null, false],
    ['leaves the removal of a failed replica to its job', 'failed', 'exited', false],
  ])('%s', (_name, status, phase, expected) => {
    expect(wakes(status, phase)).toBe(expected);
  });

  const port = { containerPort: 80, protocol: 'tcp', hostIp: '127.0.0.1', hostPort: 49_153 } as const;
  const wakesFor = (shown: Partial<ObservedWorkload>, recorded: Partial<ReplicaRecord> = {}, phase: WorkloadPhase = 'running'): boolean =>
    discrepancies([record('running', recorded)], [aWorkload('r1', phase, shown)], STEADY).wake.length > 0;
  const listed = (upSeconds: number | null): Partial<ObservedWorkload> => ({ startedAt: null, hasRun: true, upSeconds });

  it.each<[string, boolean, boolean]>([
    ['is content with a pause that is recorded', wakesFor({}, { paused: true }, 'paused'), false],
    ['wakes when a check has passed that is not recorded yet', wakesFor({}, { awaitsCheck: true }), true],
    [
      'waits for the end of a pause, and not for a check that nobody makes meanwhile',
      wakesFor({}, { awaitsCheck: true, paused: true }, 'paused'),
      false,
    ],
    ['wakes when a recorded pause is over', wakesFor({}, { paused: true }), true],
    ['wakes for another host port', wakesFor({ publishedPorts: [{ ...port, hostPort: 49_154 }] }, { published: [port] }), true],
    ['wakes for a port that is no longer published', wakesFor({}, { published: [port] }), true],
    [
      'is content with the same ports in another order',
      wakesFor({ publishedPorts: [port, { ...port, hostIp: '::1' }] }, { published: [{ ...port, hostIp: '::1' }, port] }),
      false,
    ],
    ['wakes for another run', wakesFor({ startedAt: new Date(RUN_AT.getTime() + 1) }), true],
    ['wakes for a run that is shorter than the recorded one', wakesFor(listed(6), { startedSecondsAgo: 30 }), true],
    ['is content with a run that may be the recorded one', wakesFor(listed(60), { startedSecondsAgo: 30 }), false],
    ['is content when the list does not tell how long it runs', wakesFor(listed(null)), false],
    ['compares no times of two clocks', wakesFor(listed(60), { startedSecondsAgo: 30, runAt: new Date(0) }), false],
  ])('%s', (_name, woken, expected) => {
    expect(woken).toBe(expected);
  });

  it('wakes everything that has waited for a node that is back, but not what ran on undisturbed', () => {
    const woken = REPLICA_STATUSES.filter((status) => wakes(status, status === 'running' ? 'running' : null, { cameBack: true }));
    expect(woken).toEqual(['pending', 'starting', 'stopping', 'failed']);
  });

  it('wakes all live replicas of a draining node', () => {
    const woken = REPLICA_STATUSES.filter((status) => wakes(status, status === 'running' ? 'running' : null, { draining: true }));
    expect(woken).toEqual(['pending', 'starting', 'running']);
  });

  it.each<[string, WorkloadPhase | null, Partial<typeof STEADY>, boolean]>([
    ['is content with a suspended container that stands still', 'exited', {}, false],
    ['wakes for one that was started by hand', 'running', {}, true],
    ['wakes for one that was removed by hand', null, {}, true],
    ['wakes for one on a node that is to be emptied', 'exited', { draining: true }, true],
  ])('%s, and does not count it as unclaimed', (_name, phase, node, expected) => {
    const found = discrepancies([record('stopping', { suspended: true })], phase ? [aWorkload('r1', phase)] : [], { ...STEADY, ...node });
    expect(found).toEqual({ wake: expected ? ['d1'] : [], unclaimed: [], missing: [] });
  });

  it('wakes a deployment once, however many of its replicas differ', () => {
    const records = ['a', 'b', 'c'].map((id) => record('running', { id, deploymentId: id === 'c' ? 'd2' : 'd1' }));
    expect(discrepancies(records, [], STEADY)).toMatchObject({ wake: ['d1', 'd2'], unclaimed: [] });
  });

  it('names the running replicas that have no workload, and no others', () => {
    const states = ['pending', 'starting', 'running', 'stopping', 'stopped', 'failed'] as const;
    const records = [...states.map((status) => record(status, { id: status })), record('running', { id: 'shown' })];
    const found = discrepancies(records, [aWorkload('shown', 'running')], STEADY);
    expect(found.missing.map(({ id }) => id)).toEqual(['running']);
  });

  it('names the workloads of finished and of unknown replicas, and those alone', () => {
    const records = [record('stopped', { id: 'old' }), record('failed', { id: 'dead', finished: true }), record('failed', { id: 'dying' })];
    const workloads = ['old', 'dead', 'dying', 'nobody'].map((id) => aWorkload(id, 'running'));
    const found = discrepancies(records, workloads, STEADY);
    expect(found.wake).toEqual([]);
    expect(found.unclaimed.map((workload) => workload.replicaId)).toEqual(['old', 'dead', 'nobody']);
  });
});
