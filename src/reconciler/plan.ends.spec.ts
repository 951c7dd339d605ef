import fc from 'fast-check';
import { aPlanInput, aReplica, aWorkload, NOW, secondsAgo, showing, silent } from '../../test/support/plan-input';
import { RESTART_POLICIES, type RestartPolicy } from '../engines/container-spec';
import { plan } from './plan';
import type { NodeView, Plan, PlanReplica } from './plan.types';

const exited = (...codes: readonly (readonly [string, number])[]): NodeView => ({
  reachable: true,
  workloads: new Map(
    codes.map(([id, exitCode]) => [id, aWorkload(id, 'exited', { exitCode, reason: `Exited with code ${exitCode}` })] as const),
  ),
});
const ran = { startedAt: secondsAgo(30), runningAt: secondsAgo(30) };
const planned = (replicas: readonly PlanReplica[], view: NodeView, deployment = {}): Plan =>
  plan(aPlanInput({ replicas, views: { n1: view }, deployment }));
const moves = ({ moves: all }: Plan): string[] => all.map(({ from, to, reason }) => `${from} → ${to}: ${reason ?? ''}`);
const completed = (id: string, status: 'stopping' | 'stopped' = 'stopped') =>
  aReplica(id, { ...ran, status, restart: 'on_failure', completed: true, reserved: status === 'stopping' });

describe('plan, of containers that end by themselves', () => {
  it.each<[RestartPolicy, number, string]>([
    ['always', 0, 'running → failed: Exited with code 0'],
    ['always', 3, 'running → failed: Exited with code 3'],
    ['on_failure', 0, 'running → stopping: Ended well, with exit code 0'],
    ['on_failure', 3, 'running → failed: Exited with code 3'],
    ['never', 0, 'running → stopping: Ended well, with exit code 0'],
    ['never', 3, 'running → failed: Exited with code 3'],
  ])('under %s, after code %i: %s', (restart, code, expected) => {
    const result = planned([aReplica('a', { ...ran, restart })], exited(['a', code]));
    expect(moves(result)).toEqual([expected]);
    expect(result.remove).toEqual([{ nodeId: 'n1', replicaId: 'a' }]);
  });

  it('takes what was killed from outside a moment ago for a restart by hand, and looks again at once', () => {
    const killed = (over: object): NodeView => ({
      reachable: true,
      workloads: new Map([['a', aWorkload('a', 'exited', { exitCode: 137, reason: 'Killed (exit code 137)', ...over })]]),
    });
    const replica = aReplica('a', { ...ran, restart: 'on_failure' });
    expect(planned([replica], killed({ justKilled: true }))).toMatchObject({ moves: [], remove: [], place: null, lookAgainMs: 300 });
    expect(moves(planned([replica], killed({})))).toEqual(['running → failed: Killed (exit code 137)']);
    const deleted = planned([replica], killed({ justKilled: true }), { status: 'deleted' });
    expect(deleted).toMatchObject({ moves: [{ to: 'stopping' }], remove: [{ replicaId: 'a' }] });
  });

  it.each<[RestartPolicy, boolean]>([
    ['always', true],
    ['on_failure', true],
    ['never', false],
  ])('replaces a failed replica under %s: %s', (restart, expected) => {
    const failed = aReplica('a', { ...ran, restart, status: 'failed', reserved: false });
    const result = planned([failed, aReplica('b')], showing(['b', 'running']));
    expect(result.place !== null).toBe(expected);
    expect(result.supersede).toEqual([]);
  });

  it('replaces also under never what could not be started at all', () => {
    const failed = aReplica('a', { restart: 'never', status: 'failed', reserved: false });
    expect(planned([failed], showing()).place).toMatchObject({ count: 1 });
  });

  it('replaces no replica that has ended well, and is running when the others run', () => {
    const replicas = [completed('a'), completed('b', 'stopping'), aReplica('c', { status: 'starting' })];
    const result = planned(replicas, showing(['c', 'running']), { status: 'scheduled' });
    expect(result.place).toBeNull();
    expect(result.deployment).toEqual({ to: 'running', reason: 'All 3 replicas started successfully' });
  });

  it.each(['scheduled', 'running'] as const)('is stopped when all have ended, if it was %s', (status) => {
    const last = aReplica('b', { ...ran, restart: 'on_failure' });
    const result = planned([completed('a'), last], exited(['b', 0]), { status });
    expect(result.deployment).toEqual({ to: 'stopped', reason: 'All 2 replicas ended well' });
  });

  it('says how many of them ended badly', () => {
    const replicas = [completed('a'), aReplica('b', { ...ran, restart: 'never' })];
    const result = planned(replicas, exited(['b', 1]));
    expect(result.deployment).toEqual({ to: 'stopped', reason: 'All 2 replicas have ended, 1 of them badly' });
    expect(moves(result)).toEqual(['running → failed: Exited with code 1']);
  });

  it('runs again when it is started again: what ended in an earlier generation does not count', () => {
    const result = planned([completed('a')], showing(), { generation: 2, targetReplicas: 1 });
    expect(result.place).toMatchObject({ count: 1 });
    expect(result.deployment).toBeNull();
  });

  it('never has more replicas than are wanted, nor fewer that still have to run, whatever has ended', () => {
    const one = fc.record({
      restart: fc.constantFrom(...RESTART_POLICIES),
      state: fc.constantFrom('running', 'completed', 'failed'),
      ran: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(one, { maxLength: 5 }), fc.integer({ min: 1, max: 5 }), (drawn, targetReplicas) => {
        const replicas = drawn.map(({ restart, state, ran: hasRun }, index): PlanReplica => {
          if (state === 'completed') return completed(`r${index}`);
          const status = state === 'failed' ? { status: 'failed', reserved: false } : { status: 'running' };
          return aReplica(`r${index}`, { restart, ...(hasRun ? ran : {}), ...(status as Partial<PlanReplica>) });
        });
        const running = replicas.filter(({ status }) => status === 'running');
        const result = planned(replicas, showing(...running.map(({ id }) => [id, 'running'] as const)), { targetReplicas });
        const over = replicas.filter(
          ({ completed: well, restart, status, startedAt }) => well || (status === 'failed' && restart === 'never' && startedAt !== null),
        );
        const missing = Math.max(0, targetReplicas - running.length - over.length);
        expect(result.place?.count ?? 0).toBe(missing);
        expect(result.supersede.filter((id) => over.some((replica) => replica.id === id))).toEqual([]);
        expect(result.deployment?.to === 'stopped').toBe(running.length === 0 && over.length >= targetReplicas);
      }),
    );
  });
});

describe('plan, of what passes by itself', () => {
  const failure = { words: 'The engine could not start the container (code 500)', retryable: true, passing: true };
  const third = aReplica('a', { status: 'starting', attempt: 2 });
  const start = (patient: boolean, over = {}): Plan =>
    plan(
      aPlanInput({
        replicas: [third],
        startFailures: new Map([['a', { ...failure, ...over }]]),
        views: { n1: showing() },
        deployment: { status: 'scheduled', patient },
      }),
    );

  it.each([
    ['waits while there is time', true, {}, null],
    ['fails when the time is over', false, {}, 'failed'],
    ['fails at the third time when it is not the fault of the node', true, { passing: false }, 'failed'],
    ['fails at once when it would be the same everywhere', true, { passing: false, retryable: false }, 'failed'],
  ])('%s', (_name, patient, over, expected) => {
    expect(start(patient, over).deployment?.to ?? null).toBe(expected);
  });

  it('promises another attempt as long as there is one', () => {
    expect(start(true).moves[0]).toMatchObject({ failedByNode: true, reason: expect.stringContaining('next attempt in 20 s') });
    expect(start(false).moves[0]?.reason).not.toContain('next attempt');
  });

  it('remembers whose fault a failure was', () => {
    const failed = aReplica('a', { status: 'failed', attempt: 2, reserved: false, failedByNode: true });
    const deployment = { status: 'scheduled', patient: true } as const;
    expect(plan(aPlanInput({ replicas: [failed], deployment })).deployment).toBeNull();
    expect(plan(aPlanInput({ replicas: [failed], deployment: { ...deployment, patient: false } })).deployment?.to).toBe('failed');
  });

  it('does not blame the deployment for a node that went offline before the start', () => {
    const replicas = [aReplica('a', { status: 'starting', nodeOnline: false })];
    const result = plan(aPlanInput({ replicas, views: { n1: silent() }, deployment: { status: 'scheduled' } }));
    expect(result.moves).toMatchObject([{ to: 'failed', failedByNode: true }]);
  });
});

describe('plan, of starts that wait', () => {
  const starting = (over: Partial<PlanReplica>): PlanReplica => aReplica('a', { status: 'starting', changedAt: NOW, ...over });
  const notes = (over: Partial<PlanReplica>, view: NodeView): Plan['notes'] =>
    planned([starting(over)], view, { status: 'scheduled' }).notes;

  it('says when the first health check comes, once', () => {
    const [note] = notes({ checkIntervalSeconds: 3_600 }, showing(['a', 'starting']));
    expect(note?.words).toContain('first health check comes 3600 s after the start');
    expect(notes({ checkIntervalSeconds: 3_600, reason: note?.words ?? null }, showing(['a', 'starting']))).toEqual([]);
  });

  it.each([null, 10])('says nothing of a check every %s s', (checkIntervalSeconds) => {
    expect(notes({ checkIntervalSeconds }, showing(['a', 'starting']))).toEqual([]);
  });

  it('says that a container is paused, and does not replace it', () => {
    const result = planned([starting({})], showing(['a', 'paused']), { status: 'scheduled' });
    expect(result.notes).toEqual([{ replicaId: 'a', words: 'Paused on its node before it was ready' }]);
    expect(result.moves).toEqual([]);
  });
});
