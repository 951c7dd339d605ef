import { wantsReplicas } from '../deployments/domain/deployment-status';
import { goesForward } from '../deployments/domain/rollout';
import { isLive } from '../deployments/domain/replica-status';
import { isCrowded } from './crowd';
import { ended, judge, type Judgement } from './judge';
import { policyFor, waitWords, writerInTheWay } from './one-writer';
import type { PlannedPlacement, Plan, PlanInput } from './plan.types';
import { endsStart, nextAttempt, restartDueMs } from './restart-policy';
import { isAvailable, isMixed, nextRollout, revisionOf } from './rollout';
import { isReached, waitsForReachWords } from './reach';
import { failureOf, rolloutLookMs, rolloutStep } from './rollout-step';
import { hasEndedWell, isOver, leavesNode, missingOf, sharesOf, surplusOf, unreplaced, type Share } from './shares';

const LOOK_OFTEN_MS = 300;
const LOOK_SELDOM_MS = 2_000;
/** Routers tell within moments that they have taken a replica out. */
const LOOK_WHILE_DRAINING_MS = 100;
const FRESH_SECONDS = 10;

/**
 * Decides what to do about one deployment: compares what is wanted and recorded with what the engines showed. Pure and total:
 * the same input gives the same plan, and carrying a plan out twice does no harm. Everything is recorded before an engine is
 * asked for anything: a replica is `starting` in its record before its engine hears of it.
 */
export function plan(input: PlanInput): Plan {
  const { rollout: open } = input.deployment;
  const judged = input.replicas.map((replica) =>
    judge(replica, input.views.get(replica.nodeId), {
      status: input.deployment.status,
      patient: input.deployment.patient || open !== null,
      isRolledOut: open !== null && goesForward(open) && replica.rollout === open.number,
      now: input.now,
      failure: input.startFailures.get(replica.id),
    }),
  );
  const deployment = { ...input.deployment, policy: policyFor(input.deployment, judged) };
  return planFor({ ...input, deployment }, judged);
}

function planFor(input: PlanInput, judged: readonly Judgement[]): Plan {
  const { status } = input.deployment;
  if (!wantsReplicas(status)) {
    const leaving = judged.map((judgement) => ended(judgement, `Deployment is ${status}`));
    return status === 'pending' ? firstPlacement(input, leaving) : toPlan(input, leaving);
  }

  const doomed = status === 'scheduled' ? judged.find((judgement) => isDoomed(input, judgement)) : undefined;
  if (doomed) {
    const words = doomed.move?.reason ?? doomed.replica.reason ?? 'no reason known';
    const reason = `Replicas did not start: ${words}, on node ${doomed.replica.nodeName}`;
    const all = judged.map((judgement) => ended(judgement, 'The deployment failed'));
    return toPlan(input, all, { deployment: { to: 'failed', reason } });
  }
  return keepTarget(input, judged);
}

/** Places all replicas of a pending deployment at once; if they do not fit, the deployment fails with the reason. */
function firstPlacement(input: PlanInput, judged: readonly Judgement[]): Plan {
  const { revision, currentRollout: rollout, targetReplicas } = input.deployment;
  return toPlan(input, judged, { place: { revision, rollout, count: targetReplicas, cause: 'deploy', replaces: [] } });
}

/**
 * Keeps as many replicas of each rollout as are wanted: ends those beyond that number, and places missing ones. When the open rollout
 * ends, that is recorded first, and the next plan acts on it.
 */
function keepTarget(input: PlanInput, judged: readonly Judgement[]): Plan {
  const { status, targetReplicas: target } = input.deployment;
  const shares = sharesOf(input, judged);
  const rollout = rolloutStep(input, shares);
  if (rollout?.kind === 'state') return toPlan(input, judged, { rollout });
  const next = nextRollout(input.deployment);
  const surplus = new Set(shares.flatMap((share) => surplusOf(share, input)));
  const mayLeave = settledElsewhere(input, judged, { shares, surplus });
  const all = judged.map((judgement) => {
    if (surplus.has(judgement)) return ended(judgement, judgement.replica.rollout === next ? 'More replicas than wanted' : 'Replaced');
    const leaves = leavesNode(judgement);
    return leaves === null || !mayLeave(judgement) ? judgement : ended(judgement, leaves);
  });
  const running = judged.filter((judgement) => judgement.status === 'running' && judgement.replica.rollout === next);
  const over = judged.filter((judgement) => isOver(input.deployment, judgement) && judgement.replica.rollout === next);
  const started = status === 'scheduled' && running.length + over.length >= target;
  // A deployment does not stop by itself while a rollout is open, such as a paused one: whoever paused it decides.
  const isRollingOut = input.deployment.rollout !== null && rollout?.kind !== 'finished';
  const allOver = !isRollingOut && over.length >= target && !judged.some((judgement) => isLive(judgement.status));
  const [short, full] = [shares.filter((share) => missingOf(share) > 0), shares.filter((share) => missingOf(share) === 0)];
  return toPlan(input, all, {
    // One plan places replicas of one rollout; the next plan, which follows at once, places those of another.
    place: short.map((share) => replacements(input, judged, share)).find((planned) => planned !== null) ?? null,
    rollout,
    waits:
      isMixed(input, judged) || !judged.some((each) => waitsForReach(each, input, mayLeave))
        ? null
        : waitsForReachWords(
            judged.filter((each) => leavesNode(each) === null),
            input.deployment,
          ),
    supersede: [
      ...full.flatMap(({ failures }) => failures.map(({ replica }) => replica.id)),
      ...[...surplus].filter((each) => each.replica.rollout !== next && isOver(input.deployment, each)).map(({ replica }) => replica.id),
    ],
    deployment: allOver
      ? { to: 'stopped', reason: endWords(over) }
      : started
        ? { to: 'running', reason: `All ${target} replicas started successfully` }
        : null,
  });
}

/**
 * Tells of a replica that has to leave its node whether enough others serve where they may stay. One that routers reach waits for others
 * that they reach; one that takes no requests waits for any.
 */
function settledElsewhere(
  input: PlanInput,
  judged: readonly Judgement[],
  { shares, surplus }: { readonly shares: readonly Share[]; readonly surplus: ReadonlySet<Judgement> },
): (judgement: Judgement) => boolean {
  const { targetReplicas, policy } = input.deployment;
  const lasting = shares.flatMap((share) => share.lasting);
  if (isMixed(input, judged)) {
    const serving = lasting.filter((judgement) => !surplus.has(judgement) && isAvailable(judgement, input)).length;
    return () => serving >= targetReplicas - policy.maxUnavailable;
  }
  const running = lasting.filter(({ status }) => status === 'running');
  const reached = running.filter((judgement) => isReached(judgement, input.deployment));
  return (judgement) => (takesRequests(judgement, input) ? reached : running).length >= targetReplicas;
}

/** True for a replica that has to leave its node and would take the requests with it. */
const waitsForReach = (judgement: Judgement, input: PlanInput, mayLeave: (judgement: Judgement) => boolean): boolean =>
  judgement.status === 'running' && leavesNode(judgement) !== null && takesRequests(judgement, input) && !mayLeave(judgement);

const takesRequests = (judgement: Judgement, { deployment }: PlanInput): boolean =>
  judgement.replica.nodeOnline && isReached(judgement, deployment);

/** How a deployment ended whose replicas need no successors. */
function endWords(over: readonly Judgement[]): string {
  const failures = over.filter((judgement) => !hasEndedWell(judgement)).length;
  return failures === 0 ? `All ${over.length} replicas ended well` : `All ${over.length} replicas have ended, ${failures} of them badly`;
}

/** True for a start that cannot succeed, and for one that has failed too often. */
function isDoomed(input: PlanInput, judgement: Judgement): boolean {
  const { replica } = judgement;
  if (replica.rollout !== nextRollout(input.deployment) || unreplaced(input.deployment, [judgement]).length === 0) return false;
  return endsStart(failureOf(judgement, input.now), input.deployment);
}

/**
 * How many new replicas of a revision to place now. A failed replica is replaced when its back-off is over and its container is
 * gone (or its node does not answer). Replicas that are missing for another reason, such as a draining node, are placed at
 * once.
 */
function replacements(input: PlanInput, judged: readonly Judgement[], share: Share): PlannedPlacement | null {
  const { rollout, failures } = share;
  const revision = revisionOf(input.deployment, rollout);
  if (revision === null) return null;
  const due = failures.filter(
    ({ replica, move, blocked }) => !move && restartDueMs(replica, input.now) === 0 && (!replica.reserved || blocked !== undefined),
  );
  const vacant = Math.max(0, missingOf(share) - failures.length);
  const replaces = due.slice(0, missingOf(share) - vacant).map(({ replica }) => ({ id: replica.id, attempt: nextAttempt(replica) }));
  const count = vacant + replaces.length;
  const draining = judged.some(({ replica, status }) => replica.nodeDraining && isLive(status));
  if (count === 0) return null;
  const isNew = input.deployment.rollout?.number === rollout;
  const cause = replaces.length > 0 ? 'replace' : isNew ? 'rollout' : draining ? 'drain' : 'replace';
  return { revision, rollout, count, cause, replaces };
}

function toPlan(
  input: PlanInput,
  judged: readonly Judgement[],
  more: Partial<Pick<Plan, 'place' | 'rollout' | 'supersede' | 'deployment'>> & { readonly waits?: string | null } = {},
): Plan {
  const ids = (holds: (judgement: Judgement) => unknown): string[] => judged.filter(holds).map(({ replica }) => replica.id);
  const writer = more.place ? writerInTheWay(input.deployment, judged) : null;
  const waits = [writer && waitWords(writer), more.waits ?? null].filter((words) => words !== null);
  return {
    place: writer || isCrowded(input.deployment, judged) ? null : (more.place ?? null),
    rollout: more.rollout ?? null,
    supersede: [...(more.supersede ?? []), ...obsolete(input, judged)],
    deployment: more.deployment ?? null,
    moves: judged.flatMap(({ move }) => (move ? [move] : [])),
    refresh: judged.flatMap(({ refresh, status }) => (refresh && status === 'running' ? [refresh] : [])),
    notes: judged.flatMap(({ replica, note, status }) =>
      note !== undefined && status === 'starting' && note !== replica.reason ? [{ replicaId: replica.id, words: note }] : [],
    ),
    release: ids(({ release }) => release),
    suspended: judged.flatMap(({ suspended }) => (suspended ? [suspended] : [])),
    ensure: ids(({ ensure }) => ensure),
    suspend: judged.filter(({ suspend }) => suspend).map(onNode),
    remove: [...judged.filter(({ remove }) => remove).map(onNode), ...unknownWorkloads(input)],
    blocked: [...new Set([...judged.flatMap(({ blocked }) => (blocked === undefined ? [] : [blocked])), ...waits])],
    unstoppable: judged.flatMap(({ replica, status, blocked }) =>
      status === 'stopping' && blocked !== undefined ? [{ replicaId: replica.id, words: blocked }] : [],
    ),
    lookAgainMs: lookAgain(input, judged),
    dueMs: least([
      ...duesMs(input, judged).filter((ms) => ms > 0),
      ...(judged.some(({ drains }) => drains) ? [LOOK_WHILE_DRAINING_MS] : []),
    ]),
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
  const looks = judged.flatMap(({ replica, status, move, keptUntil, drains }): number[] => {
    if (drains) return [LOOK_WHILE_DRAINING_MS];
    if (keptUntil) return [];
    if (status === 'starting' || status === 'stopping') {
      const ageSeconds = move ? 0 : (input.now.getTime() - replica.changedAt.getTime()) / 1000;
      return [ageSeconds < FRESH_SECONDS ? LOOK_OFTEN_MS : LOOK_SELDOM_MS];
    }
    return status === 'failed' && (move || replica.reserved) ? [LOOK_OFTEN_MS] : [];
  });
  return least([...looks, ...duesMs(input, judged).map((ms) => Math.max(LOOK_OFTEN_MS, ms))]);
}

/**
 * When something comes about by itself, in milliseconds from now: a container that was killed is not back, the time is over for which
 * one is kept, a pause before a replacement ends, or a new replica of a rollout counts.
 */
function duesMs(input: PlanInput, judged: readonly Judgement[]): number[] {
  const ofReplicas = judged.flatMap(({ replica, status, move, keptUntil, drains, returns }): number[] => {
    if (drains) return [];
    if (returns && status === 'running') return [LOOK_OFTEN_MS];
    if (keptUntil) return [keptUntil.getTime() - input.now.getTime()];
    if (status !== 'failed' || move || replica.reserved) return [];
    const waiting = wantsReplicas(input.deployment.status) && unreplaced(input.deployment, [{ replica, status }]).length > 0;
    return waiting ? [restartDueMs(replica, input.now)] : [];
  });
  return [...ofReplicas, ...rolloutLookMs(input, judged)];
}

const least = (times: readonly number[]): number | null => (times.length > 0 ? Math.min(...times) : null);
