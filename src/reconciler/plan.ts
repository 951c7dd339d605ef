import { wantsReplicas } from '../deployments/domain/deployment-status';
import { isLive } from '../deployments/domain/replica-status';
import { ended, judge, type Judgement } from './judge';
import type { PlannedPlacement, Plan, PlanInput } from './plan.types';
import { nextAttempt, restartDueMs, START_ATTEMPTS } from './restart-policy';
import { missingOf, sharesOf, surplusOf, unreplaced, wantedReplicas, type Share } from './shares';

const LOOK_OFTEN_MS = 300;
const LOOK_SELDOM_MS = 2_000;
const FRESH_SECONDS = 10;

/**
 * Decides what to do about one deployment: compares what is wanted and recorded with what the engines showed. Pure and total:
 * the same input gives the same plan, and carrying a plan out twice does no harm. Everything is recorded before an engine is
 * asked for anything: a replica is `starting` in its record before its engine hears of it.
 */
export function plan(input: PlanInput): Plan {
  const judged = input.replicas.map((replica) =>
    judge(replica, input.views.get(replica.nodeId), {
      status: input.deployment.status,
      now: input.now,
      failure: input.startFailures.get(replica.id),
    }),
  );
  const { status } = input.deployment;
  if (!wantsReplicas(status)) {
    const leaving = judged.map((judgement) => ended(judgement, `Deployment is ${status}`));
    return status === 'pending' ? firstPlacement(input, leaving) : toPlan(input, leaving);
  }

  const doomed = status === 'scheduled' ? judged.find((judgement) => isDoomed(input, judgement)) : undefined;
  if (doomed) {
    const reason = `Replicas did not start: ${doomed.move?.reason ?? doomed.replica.reason ?? 'no reason known'}`;
    const all = judged.map((judgement) => ended(judgement, 'The deployment failed'));
    return toPlan(input, all, { deployment: { to: 'failed', reason } });
  }
  return keepTarget(input, judged);
}

/** Places all replicas of a pending deployment at once; if they do not fit, the deployment fails with the reason. */
function firstPlacement(input: PlanInput, judged: readonly Judgement[]): Plan {
  const { revision, targetReplicas } = input.deployment;
  return toPlan(input, judged, { place: { revision, count: targetReplicas, cause: 'deploy', replaces: [] } });
}

/** Keeps as many replicas of each revision as are wanted: ends those beyond that number, and places missing ones. */
function keepTarget(input: PlanInput, judged: readonly Judgement[]): Plan {
  const target = input.deployment.targetReplicas;
  const wanted = wantedReplicas(input.deployment);
  const shares = sharesOf(input.deployment, wanted, judged);
  const surplus = new Set(shares.flatMap(surplusOf));
  const settledElsewhere = shares.flatMap(({ lasting }) => lasting).filter(({ status }) => status === 'running').length >= target;
  const all = judged.map((judgement) => {
    if (surplus.has(judgement)) return ended(judgement, 'More replicas than wanted');
    return settledElsewhere && judgement.replica.nodeDraining ? ended(judgement, 'Node is draining') : judgement;
  });
  const running = judged.filter(({ status, replica }) => status === 'running' && wanted.has(replica.revision));
  const started = input.deployment.status === 'scheduled' && running.length >= target;
  const [short, full] = [shares.filter((share) => missingOf(share) > 0), shares.filter((share) => missingOf(share) === 0)];
  return toPlan(input, all, {
    // One plan places replicas of one revision; the next plan, which follows at once, places those of another.
    place: short.map((share) => replacements(input, judged, share)).find((planned) => planned !== null) ?? null,
    supersede: full.flatMap(({ failures }) => failures.map(({ replica }) => replica.id)),
    deployment: started ? { to: 'running', reason: `All ${target} replicas started successfully` } : null,
  });
}

/** True for a start that cannot succeed, and for one that has failed too often. */
function isDoomed(input: PlanInput, judgement: Judgement): boolean {
  if (unreplaced(input.deployment, [judgement]).length === 0) return false;
  const { replica, move } = judgement;
  const failedAt = move ? input.now : replica.changedAt;
  return judgement.hopeless === true || nextAttempt({ ...replica, changedAt: failedAt }) >= START_ATTEMPTS;
}

/**
 * How many new replicas of a revision to place now. A failed replica is replaced when its back-off is over and its container is
 * gone (or its node does not answer). Replicas that are missing for another reason, such as a draining node, are placed at
 * once.
 */
function replacements(input: PlanInput, judged: readonly Judgement[], share: Share): PlannedPlacement | null {
  const { revision, failures } = share;
  const due = failures.filter(
    ({ replica, move, blocked }) => !move && restartDueMs(replica, input.now) === 0 && (!replica.reserved || blocked !== undefined),
  );
  const vacant = Math.max(0, missingOf(share) - failures.length);
  const replaces = due.slice(0, missingOf(share) - vacant).map(({ replica }) => ({ id: replica.id, attempt: nextAttempt(replica) }));
  const count = vacant + replaces.length;
  const draining = judged.some(({ replica, status }) => replica.nodeDraining && isLive(status));
  return count > 0 ? { revision, count, cause: replaces.length === 0 && draining ? 'drain' : 'replace', replaces } : null;
}

function toPlan(
  input: PlanInput,
  judged: readonly Judgement[],
  more: Partial<Pick<Plan, 'place' | 'supersede' | 'deployment'>> = {},
): Plan {
  const ids = (holds: (judgement: Judgement) => unknown): string[] => judged.filter(holds).map(({ replica }) => replica.id);
  return {
    place: more.place ?? null,
    supersede: [...(more.supersede ?? []), ...obsolete(input, judged)],
    deployment: more.deployment ?? null,
    moves: judged.flatMap(({ move }) => (move ? [move] : [])),
    release: ids(({ release }) => release),
    suspended: judged.flatMap(({ suspended }) => (suspended ? [suspended] : [])),
    ensure: ids(({ ensure }) => ensure),
    suspend: judged.filter(({ suspend }) => suspend).map(onNode),
    remove: [...judged.filter(({ remove }) => remove).map(onNode), ...unknownWorkloads(input)],
    blocked: [...new Set(judged.flatMap(({ blocked }) => (blocked === undefined ? [] : [blocked])))],
    unstoppable: judged.flatMap(({ replica, status, blocked }) =>
      status === 'stopping' && blocked !== undefined ? [{ replicaId: replica.id, words: blocked }] : [],
    ),
    lookAgainMs: lookAgain(input, judged),
  };
}

const onNode = ({ replica }: Judgement): { nodeId: string; replicaId: string } => ({ nodeId: replica.nodeId, replicaId: replica.id });

/**
 * Failed replicas that will not be replaced, because they are of an earlier generation or their deployment is deleted, and that
 * hold no reservation any more.
 */
function obsolete({ deployment }: PlanInput, judged: readonly Judgement[]): string[] {
  return judged
    .filter(({ replica }) => replica.status === 'failed' && !replica.superseded && !replica.reserved)
    .filter(({ replica }) => deployment.status === 'deleted' || replica.generation !== deployment.generation)
    .map(({ replica }) => replica.id);
}

/** Workloads of this deployment that belong to no unfinished replica, so they are to be removed. */
function unknownWorkloads({ views, replicas }: PlanInput): { nodeId: string; replicaId: string }[] {
  const known = new Set(replicas.map((replica) => replica.id));
  return [...views].flatMap(([nodeId, view]) =>
    view.reachable ? [...view.workloads.keys()].filter((id) => !known.has(id)).map((replicaId) => ({ nodeId, replicaId })) : [],
  );
}

function lookAgain(input: PlanInput, judged: readonly Judgement[]): number | null {
  const waits = judged.flatMap(({ replica, status, move, keptUntil }): number[] => {
    if (keptUntil) return [Math.max(LOOK_OFTEN_MS, keptUntil.getTime() - input.now.getTime())];
    if (status === 'starting' || status === 'stopping') {
      const ageSeconds = move ? 0 : (input.now.getTime() - replica.changedAt.getTime()) / 1000;
      return [ageSeconds < FRESH_SECONDS ? LOOK_OFTEN_MS : LOOK_SELDOM_MS];
    }
    if (status !== 'failed') return [];
    if (move || replica.reserved) return [LOOK_OFTEN_MS];
    const waiting = wantsReplicas(input.deployment.status) && unreplaced(input.deployment, [{ replica, status }]).length > 0;
    return waiting ? [Math.max(LOOK_OFTEN_MS, restartDueMs(replica, input.now))] : [];
  });
  return waits.length > 0 ? Math.min(...waits) : null;
}
