import fc from 'fast-check';
import { wantsReplicas } from '../deployments/domain/deployment-status';
import { isLive } from '../deployments/domain/replica-status';
import type { RolloutPolicy } from '../deployments/domain/rollout';
import { ModelRecords, type UserVerb } from '../../test/support/reconciler-model';
import { ModelRun } from '../../test/support/reconciler-run';
import { anyPolicy, anyStep, quieten, servingStep, take, type Ending, type Step } from '../../test/support/reconciler-steps';

function expectOrder({ records, dueAt }: ModelRun): void {
  expect(['running', 'stopped', 'failed', 'deleted']).toContain(records.status);
  const live = records.all.filter((row) => isLive(row.status));
  expect([undefined, 'paused']).toContain(records.rollout?.state);
  const isLost = ({ nodeId }: { nodeId: string }): boolean => records.node(nodeId).lost && !records.node(nodeId).online;
  const isPaused = records.rollout !== null;
  const wanted = wantsReplicas(records.status) ? records.target : 0;
  if (isPaused) expect(live.length).toBeGreaterThanOrEqual(wanted - records.policy.maxUnavailable);
  else expect(live).toHaveLength(wanted);
  expect(live.filter((row) => row.status !== 'running' || records.node(row.nodeId).draining || isLost(row))).toEqual([]);
  // While a rollout is paused nobody leaves who serves, not even replicas of one that was superseded before.
  const kept = isPaused ? [records.currentRollout, records.rollout?.number] : [records.currentRollout];
  const former = live.filter((row) => !kept.includes(row.rollout));
  expect(former.length).toBeLessThanOrEqual(isPaused ? wanted + records.policy.maxSurge : 0);
  for (const node of records.nodes.filter((each) => each.reachable)) {
    const runs = live.filter((row) => row.nodeId === node.id).map((row) => [row.runAt, row.paused]);
    expect(runs).toEqual(live.filter((row) => row.nodeId === node.id).map((row) => [records.runs.get(row.id), false]));
    const here = records.all.filter((row) => row.nodeId === node.id);
    const shown = here.filter((row) => isLive(row.status)).map((row) => row.id);
    expect([...node.containers.keys()].sort()).toEqual(shown.sort());
    expect(
      here
        .filter((row) => row.reserved)
        .map((row) => row.id)
        .sort(),
    ).toEqual(shown);
  }
  if (records.nodes.every((node) => node.reachable)) expect(dueAt).toBeNull();
}

const aRun = (target: number): ModelRun => {
  const nodes = ['n0', 'n1', 'n2'].map((id) => ({
    id,
    reachable: true,
    online: true,
    draining: false,
    lost: false,
    reached: true,
    containers: new Map(),
  }));
  return new ModelRun(new ModelRecords(nodes, target));
};
const pass: Step = { kind: 'pass', calls: ['done'], placementWorks: true, meanwhile: undefined, crash: undefined };
const ALL_WELL: Ending = { dead: [], draining: [] };
const user = (verb: UserVerb): Step => ({ kind: 'user', verb });
const runningIds = ({ records }: ModelRun): string[] => records.live.filter((row) => row.status === 'running').map((row) => row.id);

describe('plan, whatever happens', () => {
  it('moves legally, releases only what is gone, and ends in order when the faults cease', () => {
    const flags = fc.tuple(fc.constant(false), fc.boolean(), fc.boolean());
    const ending = fc.record({
      dead: fc.oneof(fc.constant([false, false, false]), flags),
      draining: flags,
      lost: flags,
      rollout: fc.constantFrom(undefined, 'resume', 'abort'),
    });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4 }), fc.array(anyStep, { maxLength: 60, size: 'max' }), ending, (target, steps, end) => {
        const run = aRun(target);
        for (const next of steps) take(run, next);
        quieten(run, end);
        expectOrder(run);
      }),
      { numRuns: 250 },
    );
  });

  it('does so too when what is kept warm is disturbed, and when it is restored in the middle of that', () => {
    const some = fc.array(anyStep, { maxLength: 8, size: 'max' });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4 }), some, some, fc.nat({ max: 12 }), (target, early, late, suspension) => {
        const run = aRun(target);
        quieten(run, ALL_WELL);
        for (const next of [user('delete and keep warm'), ...early]) take(run, next);
        quieten(run, ALL_WELL, suspension);
        for (const next of [{ kind: 'restore' } as const, ...late]) take(run, next);
        quieten(run, ALL_WELL);
        expectOrder(run);
      }),
      { numRuns: 250 },
    );
  });

  it('lets nothing that serves go for what no router reaches, or for what has not passed its check', () => {
    const first = fc.record({ kind: fc.constant('roll out'), revision: fc.constant('new'), checked: fc.boolean() });
    const steps = fc.array(servingStep, { maxLength: 40, size: 'max' });
    /** What has replaced the former one begins its check again, and passes it before anybody looks. */
    const policy: RolloutPolicy = {
      maxSurge: 1,
      maxUnavailable: 0,
      minHealthySeconds: 0,
      progressDeadlineSeconds: 30,
      onFailure: 'rollback',
    };
    const passed: Step[] = [
      { kind: 'roll out', revision: 'new', checked: true },
      ...[pass, pass],
      { kind: 'container', pick: 3, becomes: 'running' },
      pass,
      { kind: 'container', pick: 1, becomes: 'starting' },
    ];
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4 }), anyPolicy, first, steps, (target, policy, rollout, all) => {
        const run = aRun(target);
        Object.assign(run.records, { routedPorts: [80], policy });
        quieten(run, ALL_WELL);
        for (const next of [rollout, ...all]) take(run, next);
        quieten(run, { ...ALL_WELL, rollout: 'resume' });
        expectOrder(run);
      }),
      { numRuns: 200, examples: [[1, policy, { kind: 'roll out', revision: 'new', checked: false }, passed]] },
    );
  });

  it('starts the very containers again that were kept, whenever the process dies on the way', () => {
    const crashes = fc.array(fc.constantFrom(undefined, 'before writing' as const, 'after writing' as const), { maxLength: 4 });
    const deaths = (all: readonly ('before writing' | 'after writing' | undefined)[]): Step[] => all.map((crash) => ({ ...pass, crash }));
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4 }), crashes, crashes, (target, stopping, starting) => {
        const run = aRun(target);
        quieten(run, ALL_WELL);
        const before = runningIds(run);
        for (const next of [user('delete and keep warm'), ...deaths(stopping)]) take(run, next);
        quieten(run, ALL_WELL, 8);
        expect(run.records.all.map((row) => [row.status, row.reserved, row.suspendedAt !== null])).toEqual(
          before.map(() => ['stopping', true, true]),
        );
        for (const next of [{ kind: 'restore' } as const, ...deaths(starting)]) take(run, next);
        quieten(run, ALL_WELL);
        expect([run.records.status, runningIds(run), run.records.rows.size]).toEqual(['running', before, target]);
      }),
      { numRuns: 100 },
    );
  });

  it('lets go of what was kept warm when its time is over, without looking at it in vain before', () => {
    const run = aRun(3);
    quieten(run, ALL_WELL);
    take(run, user('delete and keep warm'));
    quieten(run, ALL_WELL, 8);
    const [kept] = run.records.all;
    expect(run.dueAt).toBe(kept?.warmUntil?.getTime());
    quieten(run, ALL_WELL);
    expectOrder(run);
    expect(run.records.all.map((row) => row.status)).toEqual(['stopped', 'stopped', 'stopped']);
  });
});
