import { canTransition, wantsReplicas, type DeploymentStatus } from '../../src/deployments/domain/deployment-status';
import { canReplicaTransition, isLive } from '../../src/deployments/domain/replica-status';
import type { NodeView, Plan, PlanInput, PlanReplica } from '../../src/reconciler/plan.types';
import { aWorkload } from './plan-input';
import type { ObservedWorkload, WorkloadPhase } from '../../src/runtime/runtime-driver';

export interface ModelNode {
  readonly id: string;
  reachable: boolean;
  online: boolean;
  draining: boolean;
  readonly containers: Map<string, WorkloadPhase>;
}

export type ModelReplica = { -readonly [K in keyof Omit<PlanReplica, 'nodeName' | 'nodeOnline' | 'nodeDraining'>]: PlanReplica[K] };

export type UserVerb = 'stop' | 'start' | 'retry' | 'delete' | 'delete and keep warm';

const VERBS: Readonly<Record<UserVerb, { from: readonly DeploymentStatus[]; to: DeploymentStatus }>> = {
  stop: { from: ['pending', 'scheduled', 'running'], to: 'stopped' },
  start: { from: ['stopped'], to: 'pending' },
  retry: { from: ['failed'], to: 'pending' },
  delete: { from: ['pending', 'scheduled', 'running', 'stopped', 'failed'], to: 'deleted' },
  'delete and keep warm': { from: ['pending', 'scheduled', 'running', 'stopped', 'failed'], to: 'deleted' },
};

const WARM_MS = 60_000;

/**
 * The records of one deployment and its nodes in memory. They are written as the recorder and the services write to the
 * database, with the database's guards: whatever breaks a rule of the records throws.
 */
export class ModelRecords {
  status: DeploymentStatus = 'pending';
  version = 1;
  generation = 1;
  revision = 1;
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
        const { online, draining } = this.node(row.nodeId);
        return { ...row, nodeName: `node-${row.nodeId}`, nodeOnline: online, nodeDraining: draining };
      });
    const deployment = { status: this.status, targetReplicas: this.target, generation: this.generation, revision: this.revision };
    return { deployment, replicas, now: new Date(this.now), version: this.version };
  }

  views(nodeIds: Iterable<string>): Map<string, NodeView> {
    return new Map([...new Set(nodeIds)].map((id) => [id, this.view(this.node(id))]));
  }

  workloads(node: ModelNode): ObservedWorkload[] {
    return [...node.containers].map(([id, phase]) => aWorkload(id, phase, { startedAt: this.runs.get(id) ?? null }));
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
    for (const { replicaId, from, to, startedAt } of plan.moves) {
      const row = this.row(replicaId);
      if (row.status !== from || !canReplicaTransition(from, to)) throw new Error(`${replicaId} is ${row.status}: ${from} → ${to}`);
      row.status = to;
      row.changedAt = new Date(this.now);
      row.startedAt ??= startedAt ?? (to === 'running' ? new Date(this.now) : null);
    }
    for (const id of plan.release) this.release(this.row(id));
    for (const { replicaId, runAt } of plan.suspended) {
      const row = this.row(replicaId);
      if (row.status !== 'stopping' || row.warmUntil === null) throw new Error(`${replicaId} is ${row.status} and is suspended`);
      Object.assign(row, { suspendedAt: new Date(this.now), suspendedRunAt: runAt });
    }
    this.supersede(plan.supersede);
    const short = plan.place !== null && !this.applyPlacement(plan.place, placementWorks);
    if (plan.deployment) this.changeStatus(plan.deployment.to);
    return { stale: false, short };
  }

  private applyPlacement({ count, replaces }: NonNullable<Plan['place']>, works: boolean): boolean {
    const attempts = replaces.map((replaced) => replaced.attempt);
    const placed = works && this.place(count, attempts);
    if (this.status === 'pending') {
      this.changeStatus(placed ? 'scheduled' : 'failed');
      return true;
    }
    if (placed) this.supersede(replaces.map((replaced) => replaced.id));
    return placed;
  }

  /** Places all replicas, spread over the nodes that take some, or none. */
  private place(count: number, attempts: readonly number[]): boolean {
    const takers = this.nodes.filter((node) => node.online && !node.draining);
    if (takers.length === 0) return false;
    for (let index = 0; index < count; index++) {
      const own = (node: ModelNode): number => this.live.filter((row) => row.nodeId === node.id).length;
      const node = takers.reduce((best, next) => (own(next) < own(best) ? next : best));
      const id = `r${this.rows.size}`;
      const at = new Date(this.now + this.rows.size / 1000);
      this.rows.set(id, {
        ...{ id, status: 'pending', generation: this.generation, revision: this.revision, nodeId: node.id, reason: null },
        ...{ attempt: attempts[index] ?? 0, superseded: false, reserved: true, changedAt: at, startedAt: null },
        ...{ warmUntil: null, suspendedAt: null, suspendedRunAt: null },
      });
    }
    return true;
  }

  /** Does what ScaleService does. */
  scale(target: number): void {
    if (this.status === 'failed' || this.status === 'deleted') return;
    if (wantsReplicas(this.status)) {
      const current = this.live.length;
      if (target > current && !this.place(target - current, [])) return;
      if (target < current) this.end(current - target);
      this.supersede(this.all.filter((row) => row.status === 'failed' && row.generation === this.generation).map((row) => row.id));
    }
    this.target = target;
    this.changeStatus(this.status);
  }

  /** Does what LifecycleService and DeleteService do. */
  apply(verb: UserVerb): void {
    const { from, to } = VERBS[verb];
    if (!from.includes(this.status)) return;
    const running = this.live.filter((row) => row.status === 'running');
    if (to === 'stopped' || to === 'deleted') this.end(this.live.length);
    if (verb === 'delete and keep warm') for (const row of running) row.warmUntil = new Date(this.now + WARM_MS);
    this.changeStatus(to);
    if (verb === 'start' || verb === 'retry') this.generation += 1;
  }

  /** From now on another revision is wanted. */
  revise(): void {
    if (this.status === 'deleted') return;
    this.revision += 1;
    this.version += 1;
  }

  /**
   * Restores a deleted deployment: suspended replicas on usable nodes start again in the new generation, the others are placed
   * anew.
   */
  restore(): void {
    if (this.status !== 'deleted') return;
    this.generation += 1;
    const warm = this.all.filter(
      (row) => row.suspendedAt && row.warmUntil && row.warmUntil > new Date(this.now) && row.status === 'stopping',
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
