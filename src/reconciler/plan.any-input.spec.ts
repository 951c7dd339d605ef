import fc from 'fast-check';
import { DEPLOYMENT_STATUSES, wantsReplicas } from '../deployments/domain/deployment-status';
import { DEFAULT_ROLLOUT_POLICY } from '../deployments/domain/rollout';
import { canReplicaTransition, REPLICA_STATUSES } from '../deployments/domain/replica-status';
import { aReplica, aWorkload, NOW, secondsAgo } from '../../test/support/plan-input';
import { plan } from './plan';
import type { Plan, PlanInput } from './plan.types';

const RUN_AT = secondsAgo(30);

function expectLawful({ deployment, replicas, views }: PlanInput, result: Plan): void {
  const statusOf = (id: string) =>
    result.moves.find((move) => move.replicaId === id)?.to ?? replicas.find((replica) => replica.id === id)?.status;
  expect(result.moves.every(({ from, to }) => canReplicaTransition(from, to))).toBe(true);
  expect(new Set(result.moves.map((move) => move.replicaId)).size).toBe(result.moves.length);
  expect(new Set(result.release).size).toBe(result.release.length);
  const starts =
    wantsReplicas(deployment.status) && result.deployment?.to !== 'failed' ? result.ensure.filter((id) => statusOf(id) === 'starting') : [];
  expect(result.ensure).toEqual(starts);
  for (const id of result.release) {
    const replica = replicas.find((each) => each.id === id);
    const view = views.get(replica?.nodeId ?? '');
    expect(replica?.status === 'pending' || (view?.reachable === true && !view.workloads.has(id))).toBe(true);
  }
  const isKept = (id: string): boolean =>
    deployment.status === 'deleted' && (replicas.find((each) => each.id === id)?.warmUntil?.getTime() ?? 0) > NOW.getTime();
  expect(
    [...result.suspend, ...result.suspended].filter(({ replicaId }) => statusOf(replicaId) !== 'stopping' || !isKept(replicaId)),
  ).toEqual([]);
  const orders = [...result.ensure, ...result.suspend.map((each) => each.replicaId), ...result.remove.map((each) => each.replicaId)];
  expect(new Set(orders).size).toBe(orders.length);
  expect(result.refresh.filter(({ replicaId }) => statusOf(replicaId) !== 'running')).toEqual([]);
  if (!wantsReplicas(deployment.status))
    expect(replicas.some(({ id }) => ['starting', 'running'].includes(statusOf(id) ?? ''))).toBe(false);
}

describe('plan, of any input at all', () => {
  it('is lawful: legal moves, starts only where replicas are wanted, releases only of what is gone', () => {
    const node = fc.record({ online: fc.boolean(), draining: fc.boolean(), reachable: fc.boolean() });
    const replica = fc.record({
      status: fc.constantFrom(...REPLICA_STATUSES),
      generation: fc.constantFrom(1, 2),
      revision: fc.constantFrom(1, 2, 3),
      rollout: fc.constantFrom(0, 1, 2),
      attempt: fc.nat({ max: 4 }),
      on: fc.nat({ max: 1 }),
      superseded: fc.boolean(),
      reserved: fc.boolean(),
      warmForSeconds: fc.constantFrom(null, -1, 60),
      suspended: fc.boolean(),
      ran: fc.boolean(),
      phase: fc.constantFrom(null, 'starting', 'running', 'paused', 'unhealthy', 'exited'),
      failure: fc.constantFrom(null, null, true, false),
    });
    const deployment = fc.record({
      status: fc.constantFrom(...DEPLOYMENT_STATUSES),
      targetReplicas: fc.integer({ min: 1, max: 4 }),
      generation: fc.constantFrom(1, 2),
      revision: fc.constantFrom(1, 2, 3),
      currentRollout: fc.constantFrom(0, 1),
      writesVolumes: fc.boolean(),
      routedPorts: fc.constantFrom([], [80]),
      rollout: fc.option(
        fc.record({
          number: fc.constantFrom(1, 2),
          revision: fc.constantFrom(1, 2, 3),
          fromRevision: fc.constantFrom(1, 2),
          state: fc.constantFrom('progressing', 'paused', 'failed', 'rolled_back'),
          reason: fc.constant(null),
          healthyReplicas: fc.nat({ max: 4 }),
          startedAt: fc.constantFrom(secondsAgo(1), secondsAgo(100)),
          deadlineAt: fc.constantFrom(secondsAgo(1), secondsAgo(-100)),
        }),
      ),
      policy: fc.constant(DEFAULT_ROLLOUT_POLICY),
      patient: fc.boolean(),
    });
    fc.assert(
      fc.property(deployment, fc.tuple(node, node), fc.array(replica, { maxLength: 6 }), (wanted, nodes, drawn) => {
        const all = drawn.map((each, index) => ({ ...each, id: `r${index}`, nodeId: `n${each.on}`, node: nodes[each.on] ?? nodes[0] }));
        const shown = (nodeId: string) =>
          all
            .filter((each) => each.nodeId === nodeId)
            .flatMap((each) => (each.phase ? [aWorkload(each.id, each.phase, { startedAt: RUN_AT })] : []));
        const input: PlanInput = {
          deployment: wanted,
          replicas: all.map(
            ({ id, nodeId, node: { online, draining }, status, generation, revision, rollout, attempt, superseded, reserved, ...warm }) =>
              aReplica(id, {
                status,
                generation,
                revision,
                rollout,
                attempt,
                superseded,
                reserved,
                nodeId,
                nodeOnline: online,
                nodeDraining: draining,
                warmUntil: warm.warmForSeconds === null ? null : secondsAgo(-warm.warmForSeconds),
                ...(warm.suspended ? { suspendedAt: secondsAgo(5), suspendedRunAt: RUN_AT } : {}),
                startedAt: warm.ran ? RUN_AT : null,
              }),
          ),
          views: new Map(
            nodes.map(({ reachable }, index) => {
              const workloads = new Map(shown(`n${index}`).map((workload) => [workload.replicaId, workload]));
              return [`n${index}`, reachable ? { reachable, workloads } : { reachable, words: 'No answer' }];
            }),
          ),
          startFailures: new Map(
            all.flatMap((each) =>
              each.failure === null
                ? []
                : [[each.id, { words: 'Refused', retryable: each.failure, passing: each.failure && each.attempt === 1 }]],
            ),
          ),
          now: NOW,
        };
        expectLawful(input, plan(input));
      }),
      { numRuns: 500 },
    );
  });
});
