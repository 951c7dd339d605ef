import { canTransition, wantsReplicas, type DeploymentStatus } from '../../src/deployments/domain/deployment-status';
import { canReplicaTransition, isLive } from '../../src/deployments/domain/replica-status';
import { DEFAULT_ROLLOUT_POLICY, goesForward, type RolloutPolicy } from '../../src/deployments/domain/rollout';
import type { NodeView, Plan, PlanInput, PlanReplica, PlanRollout } from '../../src/reconciler/plan.types';
import { aWorkload } from './plan-input';
import type { ObservedWorkload, WorkloadPhase } from '../../src/runtime/runtime-driver';

export interface ModelNode {
  readonly id: string;
  reachable: boolean;
  online: boolean;
  draining: boolean;
  /** Silent for so long that its replicas are replaced; counts only while it is offline. */
  lost: boolean;
  /** It has an address, so that routers reach what runs on it. */
  reached: boolean;
  readonly containers: Map<string, WorkloadPhase>;
}

export type ModelReplica = {
  -readonly [K in keyof Omit<PlanReplica, 'nodeName' | 'nodePlace' | 'nodeOnline' | 'nodeDraining' | 'nodeLost'>]: PlanReplica[K];
};

type ModelRollout = { -readonly [K in keyof PlanRollout]: PlanRollout[K] };

export type UserVerb = 'stop' | 'start' | 'retry' | 'delete' | 'delete and keep warm';

const VERBS: Readonly<Record<UserVerb, { from: readonly DeploymentStatus[]; to: DeploymentStatus }>> = {
  stop: { from: ['pending', 'scheduled', 'running'], to: 'stopped' },
  start: { from: ['stopped'], to: 'pending' },
  retry: { from: ['failed'], to: 'pending' },
  delete: { from: ['pending', 'scheduled', 'running', 'stopped', 'failed'], to: 'deleted' },
  'delete and keep warm': { from: ['pending', 'scheduled', 'running', 'stopped', 'failed'], to: 'deleted' },
};

const WARM_MS = 60_000;
const PORT = { containerPort: 80, protocol: 'tcp', hostIp: '0.0.0.0', hostPort: 32_768 } as const;

/**
 * The records of one deployment and its nodes in memory. They are written as the recorder and the services write to the
 * database, with the database's guards: whatever breaks a rule of the records throws.
 */
export class ModelRecords {
  status: DeploymentStatus = 'pending';
  version = 1;
  generation = 1;
  revision = 1;
  currentRollout = 0;
  policy: RolloutPolicy = DEFAULT_ROLLOUT_POLICY;
  rollout: ModelRollout | null = null;
  routedPorts: readonly number[] = [];
  /** The revisions whose replicas have a health check. */
  readonly checked = new Set<number>();
  private revisions = 1;
  private rollouts = 0;
  readonly rows = new Map<string, ModelReplica>();
  /** The replicas that an engine was asked to start. */
  readonly asked = new Set<string>();
  /** When the last run of each container began, by the clock of its engine. */
  readonly runs = new Map<string, Date>();
  now = Date.parse('2026-01-31T12:00:00.000Z');

  constructor(
    readonly nodes: readonly ModelNode[],
    public target: number,
  ) {}

  get all(): ModelReplica[] {
    return [...this.rows.values()];
  }

  get live(): ModelReplica[] {
    return this.all.filter((row) => isLive(row.status));
  }

  node(id: string): ModelNode {
    const node = this.nodes.find((each) => each.id === id);
    if (!node) throw new Error(`No node ${id}`);
    return node;
  }

  /** The unfinished replicas, as SnapshotRepository reads them. */
  snapshot(): Omit<PlanInput, 'views' | 'startFailures'> & { version: number } {
    const replicas = this.all
      .filter(
        (row) =>
          isLive(row.status) ||
          row.status === 'stopping' ||
          (row.status === 'failed' && (row.reserved || (!row.superseded && row.generation === this.generation))),
      )
      .map((row): PlanReplica => {
        const { online, draining, lost, reached } = this.node(row.nodeId);
        const nodePlace = { runtime: 'agent', endpoint: null, address: reached ? '192.0.2.7' : null } as const;
        const node = { nodeName: `node-${row.nodeId}`, nodePlace, nodeOnline: online, nodeDraining: draining };
        return { ...row, ...node, nodeLost: lost && !online };
      });
    const deployment = {
      status: this.status,
      targetReplicas: this.target,
      generation: this.generation,
      revision: this.revision,
      currentRollout: this.currentRollout,
      writesVolumes: false,
      routedPorts: this.routedPorts,
      rollout: this.rollout && { ...this.rollout },
      policy: this.policy,
      patient: false,
    };
    return { deployment, replicas, now: new Date(this.now), version: this.version };
  }

  views(nodeIds: Iterable<string>): Map<string, NodeView> {
    return new Map([...new Set(nodeIds)].map((id) => [id, this.view(this.node(id))]));
  }

  workloads(node: ModelNode): ObservedWorkload[] {
    return [...node.containers].map(([id, phase]) =>
      aWorkload(id, phase, { startedAt: this.runs.get(id) ?? null, publishedPorts: [PORT] }),
    );
  }

  /** Does what CheckedReplicas does where engines make the health checks: what they show is what the checks have found. */
  noteChecks(replicas: readonly PlanReplica[], views: ReadonlyMap<string, NodeView>): PlanReplica[] {
    return replicas.map((replica) => {
      const { id, nodeId, status, check } = replica;
      const view = views.get(nodeId);
      const workload = view?.reachable && (status === 'starting' || status === 'running') ? view.workloads.get(id) : undefined;
      if (!check || !workload?.hasRun || workload.phase === 'exited' || workload.phase === 'paused') return replica;
      const healthy = workload.phase === 'starting' ? null : workload.phase === 'running';
      const found = { run: `${id} ${workload.startedAt?.toISOString() ?? ''}`, healthy, reason: null };
      Object.assign(this.row(id), { check: found, healthy });
      return { ...replica, healthy };
    });
  }

  begin(node: ModelNode, id: string): void {
    node.containers.set(id, 'starting');
    this.runs.set(id, new Date(this.now + this.runs.size));
  }

  private view(node: ModelNode): NodeView {
    if (!node.reachable) return { reachable: false, words: `Node ${node.id} does not answer` };
    return { reachable: true, workloads: new Map(this.workloads(node).map((workload) => [workload.replicaId, workload])) };
  }

  /**
   * Records a plan as Recorder does: all or nothing, and nothing when the deployment has changed meanwhile. `short`: a
   * replacement found no place.
   */
  record(plan: Plan, version: number, placementWorks: boolean): { stale: boolean; short: boolean } {
    if (version !== this.version) return { stale: true, short: false };
    for (const { replicaId, from, to, startedAt, published } of plan.moves) {
      const row = this.row(replicaId);
      if (row.status !== from || !canReplicaTransition(from, to)) throw new Error(`${replicaId} is ${row.status}: ${from} → ${to}`);
      row.status = to;
      row.changedAt = new Date(this.now);
      row.runAt = startedAt ?? row.runAt;
      row.published = (published as ModelReplica['published'] | undefined) ?? row.published;
      row.runningAt = to === 'running' ? new Date(this.now) : row.runningAt;
      row.startedAt ??= startedAt ?? (to === 'running' ? new Date(this.now) : null);
    }
    for (const { replicaId, startedAt, paused, published } of plan.refresh) {
      const row = this.row(replicaId);
      if (row.status !== 'running') throw new Error(`${replicaId} is ${row.status} and is refreshed`);
      row.runAt = startedAt ?? row.runAt;
      row.paused = paused;
      row.published = published as ModelReplica['published'];
    }
    for (const id of plan.release) this.release(this.row(id));
    for (const { replicaId, runAt } of plan.suspended) {
      const row = this.row(replicaId);
      if (row.status !== 'stopping' || row.warmUntil === null) throw new Error(`${replicaId} is ${row.status} and is suspended`);
      Object.assign(row, { suspendedAt: new Date(this.now), suspendedRunAt: runAt });
    }
    this.supersede(plan.supersede);
    if (plan.rollout) this.moveRollout(plan.rollout);
    const short = plan.place !== null && !this.applyPlacement(plan.place, placementWorks);
    if (plan.deployment) this.changeStatus(plan.deployment.to);
    return { stale: false, short };
  }

  private applyPlacement({ count, replaces, revision, rollout }: NonNullable<Plan['place']>, works: boolean): boolean {
    const attempts = replaces.map((replaced) => replaced.attempt);
    const placed = works && this.place(count, { attempts, revision, rollout });
    if (this.status === 'pending') {
      this.changeStatus(placed ? 'scheduled' : 'failed');
      return true;
    }
    if (placed) this.supersede(replaces.map((replaced) => replaced.id));
    return placed;
  }

  /** Places all replicas, spread over the nodes that take some, or none. */
  private place(count: number, of: { attempts: readonly number[]; revision: number; rollout: number }): boolean {
    const takers = this.nodes.filter((node) => node.online && !node.draining);
    if (takers.length === 0) return false;
    for (let index = 0; index < count; index++) {
      const own = (node: ModelNode): number => this.live.filter((row) => row.nodeId === node.id).length;
      const node = takers.reduce((best, next) => (own(next) < own(best) ? next : best));
      const id = `r${this.rows.size}`;
      const at = new Date(this.now + this.rows.size / 1000);
      this.rows.set(id, {
        ...{ id, status: 'pending', generation: this.generation, revision: of.revision, rollout: of.rollout, nodeId: node.id },
        reason: null,
        ...{
          attempt: of.attempts[index] ?? 0,
          routed: false,
          superseded: false,
          failedByNode: false,
          completed: false,
          restart: 'always',
          checkIntervalSeconds: null,
          check: this.checked.has(of.revision) ? { run: '', healthy: null, reason: null } : null,
          healthy: null,
          reserved: true,
          changedAt: at,
          startedAt: null,
        },
        ...{ startedSecondsAgo: null, runningAt: null, runAt: null, paused: false, published: [] },
        ...{ warmUntil: null, suspendedAt: null, suspendedRunAt: null },
      });
    }
    return true;
  }

  /** Does what ScaleService does. */
  scale(target: number): void {
    if (this.status === 'failed' || this.status === 'deleted') return;
    if (wantsReplicas(this.status)) {
      const current = this.rollout ? this.target : this.live.length;
      const { revision, currentRollout: rollout } = this;
      if (target > current && !this.place(target - current, { attempts: [], revision, rollout })) return;
      if (!this.rollout) {
        if (target < current) this.end(current - target);
        this.supersede(this.all.filter((row) => row.status === 'failed' && row.generation === this.generation).map((row) => row.id));
      }
    }
    this.target = target;
    this.changeStatus(this.status);
  }

  /** Does what LifecycleService and DeleteService do. */
  apply(verb: UserVerb): void {
    const { from, to } = VERBS[verb];
    if (!from.includes(this.status)) return;
    const running = this.live.filter((row) => row.status === 'running');
    if (verb === 'stop' && this.rollout && goesForward(this.rollout)) this.makeCurrent(this.rollout);
    if (to === 'stopped' || to === 'deleted') this.rollout = null;
    if (to === 'stopped' || to === 'deleted') this.end(this.live.length);
    if (verb === 'delete and keep warm') for (const row of running) row.warmUntil = new Date(this.now + WARM_MS);
    this.changeStatus(to);
    if (verb === 'start' || verb === 'retry') this.generation += 1;
  }

  /** Begins a rollout, of another revision or of the same one, as RolloutsRepository does. */
  rollOut(revision: 'new' | 'same', checked: boolean): void {
    if (this.status === 'deleted') return;
    this.rollouts += 1;
    if (revision === 'new') this.revisions += 1;
    if (revision === 'new' && checked) this.checked.add(this.revisions);
    const next: ModelRollout = {
      ...{ number: this.rollouts, revision: revision === 'new' ? this.revisions : this.revision, fromRevision: this.revision },
      ...{ state: 'progressing', reason: null, healthyReplicas: 0 },
      startedAt: new Date(this.now),
      deadlineAt: new Date(this.now + this.policy.progressDeadlineSeconds * 1000),
    };
    if (this.status === 'running') this.rollout = next;
    else this.makeCurrent(next);
    this.version += 1;
  }

  /** Does what the routes of a rollout do. */
  steer(verb: 'pause' | 'resume' | 'abort'): void {
    const { rollout } = this;
    if (!rollout || !goesForward(rollout)) return;
    if (verb === 'pause') rollout.state = 'paused';
    if (verb === 'abort') rollout.state = 'rolled_back';
    if (verb === 'resume') {
      if (rollout.state !== 'paused') return;
      rollout.state = 'progressing';
      rollout.deadlineAt = new Date(this.now + this.policy.progressDeadlineSeconds * 1000);
      const failed = this.all.filter((row) => row.status === 'failed' && row.rollout === rollout.number);
      this.supersede(failed.map((row) => row.id));
    }
    this.version += 1;
  }

  private moveRollout(step: NonNullable<Plan['rollout']>): void {
    const { rollout } = this;
    if (!rollout) throw new Error('A rollout is changed that is not open');
    if (step.kind === 'progress') {
      if (step.healthyReplicas <= rollout.healthyReplicas) throw new Error('No progress is recorded as one');
      rollout.healthyReplicas = step.healthyReplicas;
      rollout.deadlineAt = new Date(this.now + this.policy.progressDeadlineSeconds * 1000);
      return;
    }
    if (step.kind === 'waits') {
      if (rollout.state !== 'progressing' || step.words === rollout.reason)
        throw new Error(`A ${rollout.state} rollout waits: ${step.words}`);
      rollout.reason = step.words;
      return;
    }
    if (step.kind === 'finished' || step.state === 'completed') {
      if (step.kind === 'state') this.makeCurrent(rollout);
      this.rollout = null;
    } else rollout.state = step.state;
    this.version += 1;
  }

  private makeCurrent({ revision, number }: ModelRollout): void {
    this.revision = revision;
    this.currentRollout = number;
  }

  /**
   * Restores a deleted deployment: suspended replicas on usable nodes start again in the new generation, the others are placed
   * anew.
   */
  restore(): void {
    if (this.status !== 'deleted') return;
    this.generation += 1;
    const warm = this.all.filter(
      (row) =>
        row.suspendedAt &&
        row.warmUntil &&
        row.warmUntil > new Date(this.now) &&
        row.status === 'stopping' &&
        row.rollout === this.currentRollout,
    );
    const back = warm.filter((row) => this.node(row.nodeId).online && !this.node(row.nodeId).draining).slice(0, this.target);
    for (const row of this.all) row.warmUntil = null;
    for (const row of back) {
      Object.assign(row, {
        status: 'starting',
        generation: this.generation,
        changedAt: new Date(this.now),
        startedAt: null,
        suspendedAt: null,
      });
    }
    this.status = back.length > 0 ? 'scheduled' : 'pending';
    this.version += 1;
  }

  private end(count: number): void {
    for (const row of this.live.slice(0, count)) {
      if (row.status === 'pending') this.release(row);
      row.status = row.status === 'pending' ? 'stopped' : 'stopping';
      row.changedAt = new Date(this.now);
    }
  }

  private release(row: ModelReplica): void {
    if (!row.reserved) throw new Error(`${row.id} holds no reservation to release`);
    row.reserved = false;
  }

  private supersede(ids: readonly string[]): void {
    for (const id of ids) this.row(id).superseded = true;
  }

  private changeStatus(to: DeploymentStatus): void {
    if (!canTransition(this.status, to)) throw new Error(`The deployment is ${this.status}, not to become ${to}`);
    this.status = to;
    this.version += 1;
  }

  row(id: string): ModelReplica {
    const row = this.rows.get(id);
    if (!row) throw new Error(`No replica ${id}`);
    return row;
  }
}
