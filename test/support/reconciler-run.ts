import { backoffMs } from '../../src/jobs/backoff';
import { wantsReplicas } from '../../src/deployments/domain/deployment-status';
import { isLive } from '../../src/deployments/domain/replica-status';
import { discrepancies } from '../../src/reconciler/discrepancies';
import { plan } from '../../src/reconciler/plan';
import type { Plan, PlanInput, PlanReplica, StartFailure } from '../../src/reconciler/plan.types';
import type { ModelNode, ModelRecords } from './reconciler-model';

/** How an engine call under way continues. */
export type CallEnd = 'goes on' | 'done' | 'fails for now' | 'fails for good';

export interface PassOptions {
  /** For the calls under way after the pass, in turn. */
  readonly calls: readonly CallEnd[];
  readonly placementWorks: boolean;
  /** Something that happens between observing and recording. */
  readonly meanwhile?: () => void;
  readonly crash?: 'before writing' | 'after writing';
}

const REPLACEMENT_RETRY_MS = 5_000;

interface Call {
  readonly kind: 'start' | 'suspend' | 'remove';
  readonly nodeId: string;
}

/** The reconciler's job in memory: the real `plan` and `discrepancies` between model records and model engines. */
export class ModelRun {
  /** When the job is due; null when it is done until something changes. */
  dueAt: number | null = 0;
  private attempts = 0;
  private readonly calls = new Map<string, Call>();
  private readonly failed = new Set<string>();
  private startFailures = new Map<string, StartFailure>();

  constructor(readonly records: ModelRecords) {}

  wake(): void {
    this.dueAt = this.records.now;
  }

  /** One pass of ReconcileDeploymentHandler, with checks of everything that must hold in each. */
  pass(options: PassOptions): void {
    const { records } = this;
    const { version, ...seen } = records.snapshot();
    this.abortUnwanted(options.calls);
    const views = records.views(seen.replicas.map((replica) => replica.nodeId));
    const input: PlanInput = {
      ...seen,
      replicas: records.noteChecks(seen.replicas, views),
      views,
      startFailures: this.startFailures,
    };
    const todo = planTwice(input);
    requireUnknownRemoved(input, todo);
    requireKept(input, todo);
    this.requireConfirmed(todo);
    requireService(input, todo);
    requireReach(input, todo);

    options.meanwhile?.();
    const recorded = options.crash === 'before writing' ? null : records.record(todo, version, options.placementWorks);
    if (recorded?.stale === true) return;
    if (recorded) this.requireNoSurplus(input);
    if (recorded === null || options.crash) {
      this.crash(options.calls);
      return;
    }
    this.startFailures = new Map();
    this.ask(todo);
    this.dueAt = records.now;
    const wrote =
      todo.moves.length + todo.refresh.length + todo.release.length + todo.suspended.length > 0 ||
      todo.deployment !== null ||
      todo.rollout !== null ||
      (todo.place !== null && !recorded.short);
    if (this.calls.size > 0) this.progress(options.calls);
    else if (!wrote) this.endRun(todo, recorded.short);
  }

  /** When the job runs again, as `outcome` of the handler decides it. */
  private endRun(todo: Plan, short: boolean): void {
    const problems = todo.blocked.length > 0 || this.failed.size > 0 || short;
    this.attempts = problems ? this.attempts + 1 : 0;
    const again = todo.lookAgainMs ?? (todo.place ? REPLACEMENT_RETRY_MS : null);
    const wait = problems ? backoffMs(this.attempts, 0.5) : again;
    this.dueAt = wait === null ? null : this.records.now + wait;
    this.failed.clear();
  }

  /** The process dies: each call under way has taken effect or not, and everything in memory is lost. */
  private crash(ends: readonly CallEnd[]): void {
    this.progress(ends);
    this.calls.clear();
    this.failed.clear();
    this.startFailures.clear();
    this.wake();
  }

  private ask(todo: Plan): void {
    const { records } = this;
    for (const id of todo.ensure) {
      const row = records.row(id);
      if (row.status !== 'starting' || !wantsReplicas(records.status)) throw new Error(`${id} is started while it is ${row.status}`);
      records.asked.add(id);
      if (!this.isBusy('start', id)) this.calls.set(id, { kind: 'start', nodeId: row.nodeId });
    }
    for (const kind of ['suspend', 'remove'] as const) {
      for (const { nodeId, replicaId } of todo[kind]) if (!this.isBusy(kind, replicaId)) this.calls.set(replicaId, { kind, nodeId });
    }
  }

  private isBusy(kind: Call['kind'], id: string): boolean {
    return this.calls.get(id)?.kind === kind || this.failed.has(`${kind} ${id}`);
  }

  /** Starts of replicas that are no longer `starting` end before the engines are observed, finished or not. */
  private abortUnwanted(ends: readonly CallEnd[]): void {
    for (const [id, call] of this.calls) {
      if (call.kind !== 'start' || this.records.row(id).status === 'starting') continue;
      if (ends[0] === 'done') this.take(id, call);
      this.calls.delete(id);
    }
  }

  /** Lets the calls under way continue as `ends` says, in turn. */
  progress(ends: readonly CallEnd[]): void {
    [...this.calls].forEach(([id, call], index) => {
      const end = ends[index % ends.length] ?? 'done';
      if (end === 'goes on') return;
      this.calls.delete(id);
      if (end === 'done' && this.records.node(call.nodeId).reachable) this.take(id, call);
      else if (call.kind === 'start' && end !== 'done') {
        this.startFailures.set(id, { words: 'The engine refused', retryable: end === 'fails for now', passing: end === 'fails for now' });
      } else {
        this.failed.add(`${call.kind} ${id}`);
      }
    });
  }

  private take(id: string, { kind, nodeId }: Call): void {
    const { records } = this;
    const node = records.node(nodeId);
    const { containers, reachable } = node;
    if (!reachable) return;
    if (kind === 'remove') containers.delete(id);
    else if (kind === 'suspend') {
      if (containers.has(id)) containers.set(id, 'exited');
    } else {
      const isSuspendedRun =
        containers.get(id) === 'exited' && records.row(id).suspendedRunAt?.getTime() === records.runs.get(id)?.getTime();
      if (!containers.has(id) || isSuspendedRun) records.begin(node, id);
    }
  }

  /**
   * Does what SyncNodeHandler does: a heartbeat, a wish where records and engine differ, and the removal of workloads that
   * belong to no unfinished replica.
   */
  sync(node: ModelNode): void {
    const { records } = this;
    const cameBack = !node.online;
    node.online = node.reachable;
    // As in the handler, a node that drains or is lost is handled even if it never returns.
    if (!node.reachable && !node.draining && !node.lost) return;
    const all = records.all.filter((row) => row.nodeId === node.id && (row.reserved || node.containers.has(row.id)));
    const known = all.map((row) => {
      const suspended = row.status === 'stopping' && row.suspendedAt !== null;
      const { runAt, startedSecondsAgo, paused, published } = row;
      const run = { runAt, startedSecondsAgo, paused, published, awaitsCheck: row.check !== null && row.check.healthy !== true };
      return { id: row.id, deploymentId: 'd1', status: row.status, finished: isFinished(row), suspended, ...run };
    });
    const found = node.reachable
      ? discrepancies(known, records.workloads(node), { cameBack, draining: node.draining })
      : discrepancies(known, [], { cameBack: false, draining: true });
    if (found.wake.length > 0) this.wake();
    if (node.reachable) for (const workload of found.unclaimed) node.containers.delete(workload.replicaId);
  }

  /**
   * A reservation is released only if the engine shows that the replica is gone, or if no engine was ever asked to start it.
   */
  private requireConfirmed(todo: Plan): void {
    for (const id of todo.release) {
      const row = this.records.row(id);
      const node = this.records.node(row.nodeId);
      const asked = this.records.asked.has(id);
      if (asked && (!node.reachable || node.containers.has(id))) throw new Error(`${id} is released without an engine's word`);
      if (!asked && row.status !== 'pending' && node.containers.has(id)) throw new Error(`${id} is released while it is there`);
    }
  }

  /** A rollout may have some more, and what is more than that is not made by the plan. */
  private requireNoSurplus({ replicas, deployment }: PlanInput): void {
    const leaving = new Set(replicas.filter((replica) => replica.nodeDraining || replica.nodeLost).map((replica) => replica.id));
    const staying = this.records.all.filter((row) => isLive(row.status) && !leaving.has(row.id));
    const before = replicas.filter(({ id, status }) => isLive(status) && !leaving.has(id)).length;
    const { targetReplicas, policy } = deployment;
    const most = isMixed({ replicas, deployment }) ? Math.max(before, targetReplicas + policy.maxSurge) : targetReplicas;
    if (wantsReplicas(this.records.status) && staying.length > most) {
      throw new Error(`${staying.length} live replicas where ${most} are allowed`);
    }
  }
}

const isFinished = (row: { status: string; reserved: boolean }): boolean =>
  row.status === 'stopped' || (row.status === 'failed' && !row.reserved);

/** True while replicas of several rollouts run, or could. */
const isMixed = ({ replicas, deployment }: Pick<PlanInput, 'replicas' | 'deployment'>): boolean =>
  deployment.rollout !== null || replicas.some(({ status, rollout }) => isLive(status) && rollout !== deployment.currentRollout);

/** During a rollout a plan never ends so many serving replicas that fewer serve than the policy of rollouts allows. */
function requireService({ replicas, deployment, now }: PlanInput, todo: Plan): void {
  if (deployment.status !== 'running' || todo.deployment || !isMixed({ replicas, deployment })) return;
  const { rollout, currentRollout, policy, targetReplicas } = deployment;
  const next = rollout && ['progressing', 'paused'].includes(rollout.state) ? rollout.number : currentRollout;
  const moves = new Map(todo.moves.map((move) => [move.replicaId, move]));
  const paused = new Map(todo.refresh.map((facts) => [facts.replicaId, facts.paused]));
  const shown = new Map(todo.refresh.map((facts) => [facts.replicaId, facts.published]));
  const serves = (replica: PlanReplica, to: string): boolean => {
    const isNew = moves.get(replica.id)?.to === 'running' || !replica.runningAt;
    const ranMs = isNew || !replica.runningAt ? 0 : now.getTime() - replica.runningAt.getTime();
    const settled = replica.rollout !== next || ranMs >= policy.minHealthySeconds * 1000;
    const well = replica.check === null || replica.healthy === true;
    const published = moves.get(replica.id)?.published ?? shown.get(replica.id) ?? replica.published;
    const reached = isReachedAt(deployment, replica, published);
    return to === 'running' && replica.nodeOnline && !(paused.get(replica.id) ?? replica.paused) && settled && well && reached;
  };
  const end = ({ id, status }: PlanReplica): string => moves.get(id)?.to ?? status;
  const after = replicas.filter((replica) => serves(replica, end(replica))).length;
  const before = replicas.filter((replica) => serves(replica, end(replica) === 'stopping' ? replica.status : end(replica))).length;
  const least = Math.min(before, targetReplicas - policy.maxUnavailable);
  if (after < least) throw new Error(`${after} replicas serve where ${least} should`);
}

function isReachedAt({ routedPorts }: PlanInput['deployment'], { nodePlace }: PlanReplica, published: readonly unknown[]): boolean {
  return routedPorts.length === 0 || (nodePlace.address !== null && published.length > 0);
}

/** Outside of a rollout nothing that answers requests leaves its node before as many answer elsewhere as are wanted. */
function requireReach({ replicas, deployment }: PlanInput, todo: Plan): void {
  if (deployment.status !== 'running' || todo.deployment || isMixed({ replicas, deployment })) return;
  const moves = new Map(todo.moves.map((move) => [move.replicaId, move]));
  const shown = new Map(todo.refresh.map((facts) => [facts.replicaId, facts.published]));
  const answers = (replica: PlanReplica): boolean =>
    isReachedAt(deployment, replica, moves.get(replica.id)?.published ?? shown.get(replica.id) ?? replica.published);
  const isToLeave = ({ nodeDraining, nodeLost }: PlanReplica): boolean => nodeDraining || nodeLost;
  const left = replicas.filter(
    (replica) =>
      replica.status === 'running' &&
      moves.get(replica.id)?.to === 'stopping' &&
      isToLeave(replica) &&
      replica.nodeOnline &&
      answers(replica),
  );
  const stay = replicas.filter(
    (replica) => (moves.get(replica.id)?.to ?? replica.status) === 'running' && !isToLeave(replica) && answers(replica),
  );
  if (left.length > 0 && stay.length < deployment.targetReplicas) {
    throw new Error(`${left.length} leave their node while ${stay.length} answer elsewhere`);
  }
}

/** All of the value as text, with the content of maps. */
const textOf = (value: unknown): string => JSON.stringify(value, (_key, part: unknown) => (part instanceof Map ? [...part] : part));

function planTwice(input: PlanInput): Plan {
  const before = textOf(input);
  const todo = plan(input);
  if (textOf(plan(input)) !== textOf(todo)) throw new Error('The same input gave another plan');
  if (textOf(input) !== before) throw new Error('plan changed its input');
  return todo;
}

function requireUnknownRemoved({ views, replicas }: PlanInput, todo: Plan): void {
  for (const [nodeId, view] of views) {
    if (!view.reachable) continue;
    for (const id of view.workloads.keys()) {
      const known = replicas.some((replica) => replica.id === id);
      const removed = todo.remove.some((each) => each.nodeId === nodeId && each.replicaId === id);
      if (!known && !removed) throw new Error(`${id} on ${nodeId} is unknown and stays`);
    }
  }
}

/** While a container is kept warm it is neither removed nor released, unless it never ran or its node drains. */
function requireKept({ deployment, replicas, views, now }: PlanInput, todo: Plan): void {
  for (const { id, nodeId, status, warmUntil, nodeDraining, startedAt, suspendedRunAt } of replicas) {
    const view = views.get(nodeId);
    const workload = view?.reachable ? view.workloads.get(id) : undefined;
    const isKept = deployment.status === 'deleted' && status === 'stopping' && warmUntil !== null && warmUntil > now && !nodeDraining;
    if (isKept && workload?.startedAt && (startedAt || suspendedRunAt) && todo.remove.some((each) => each.replicaId === id)) {
      throw new Error(`${id} is removed while it is kept warm`);
    }
    if (todo.suspend.some((each) => each.replicaId === id) && !isKept) throw new Error(`${id} is suspended for nothing`);
  }
}
