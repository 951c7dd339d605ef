import { randomBytes } from 'node:crypto';
import type { DataSource } from 'typeorm';
import { StatementBatcher } from '../../database/statement-batcher';
import { exitReason } from '../exit-reason';
import type { PortSpec } from '../../engines/container-spec';
import { specDigest } from '../../engines/spec-digest';
import type { ObservedWorkload, WorkloadPhase, WorkloadSpec } from '../runtime-driver';
import type { SimulatedBehaviour } from './simulated-behaviour';
import type { SimulatedOutput } from './simulated-output';
import { ENDED, FIND, INSERT, LIST, OUTPUT, PRESENT, REMOVE } from './simulated-workloads.sql';

interface WorkloadRow {
  replicaId: string;
  deploymentId: string;
  containerId: string;
  phase: WorkloadPhase;
  startedAt: Date;
  exitCode: number | null;
  reason: string | null;
  ports: readonly PortSpec[];
  hostPort: number;
  image: string;
  generation: number;
  specDigest: string | null;
}

interface WorkloadKey {
  readonly nodeId: string;
  readonly replicaId: string;
}

interface Removal extends WorkloadKey {
  readonly graceSeconds: number;
}

/** Engines take their time anyway, so many calls for a large deployment may share one statement. */
const MOST_TOGETHER = 50;
/** How long removed workloads are remembered, so that `watch` can still report them. */
const FORGET_AFTER_MS = 60_000;

/**
 * All SQL of the simulated engine. Every method is one statement, as every call to an engine is one request. Calls within one
 * turn of the event loop, as when a deployment of many replicas starts, share one statement.
 */
export class SimulatedWorkloadsRepository {
  private readonly faults = new StatementBatcher<string, true>((nodeIds) => this.readFaults(nodeIds), MOST_TOGETHER);
  private readonly finds = new StatementBatcher<WorkloadKey, ObservedWorkload>((keys) => this.readWorkloads(keys), MOST_TOGETHER);
  private readonly outputs = new StatementBatcher<WorkloadKey, SimulatedOutput>((keys) => this.readOutputs(keys), MOST_TOGETHER);
  private readonly lists = new StatementBatcher<{ nodeId: string; deploymentId: string | null }, ObservedWorkload[]>((wanted) =>
    this.readLists(wanted),
  );
  private readonly inserts = new StatementBatcher<WorkloadKey, true>((workloads) => this.insertAll(workloads), MOST_TOGETHER);
  private readonly removals = new StatementBatcher<Removal, number>((removals) => this.beginRemovals(removals), MOST_TOGETHER);
  private forgotAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly dataSource: DataSource) {}

  async isUnreachable(nodeId: string): Promise<boolean> {
    return (await this.faults.get(nodeId)) ?? false;
  }

  /**
   * Returns false and changes nothing when the workload exists, running or ended, or when the node does not answer. A removed
   * workload makes room for a new one.
   */
  async insert(nodeId: string, spec: WorkloadSpec, behaviour: SimulatedBehaviour): Promise<boolean> {
    const { replicaId, deploymentId, generation, image, ports } = spec;
    const identity = { nodeId, replicaId, deploymentId, containerId: randomBytes(32).toString('hex'), hostPort: hostPortOf(replicaId) };
    const workload = { ...identity, generation, image, ports, specDigest: specDigest(spec), ...behaviour };
    return (await this.inserts.get(workload)) ?? false;
  }

  /** Starts the workload again if its ended run is the one that began at `runAt`; otherwise changes nothing. */
  async resume(nodeId: string, replicaId: string, runAt: Date, behaviour: SimulatedBehaviour): Promise<void> {
    await this.dataSource.query(
      `UPDATE simulated_workloads
          SET started_at = t.now, ready_at = t.now + $4::float8 * interval '1 millisecond',
              exits_at = t.now + $5::float8 * interval '1 millisecond', exit_code = $6, exit_reason = $7
         FROM (SELECT clock_timestamp() AS now) AS t
        WHERE node_id = $1 AND replica_id = $2 AND ${PRESENT} AND ${ENDED}
          AND date_trunc('milliseconds', started_at) = $3`,
      [nodeId, replicaId, runAt, behaviour.readyAfterMs, behaviour.exitAfterMs, behaviour.exitCode, behaviour.exitReason],
    );
  }

  /**
   * Lets the workload end, unless it would end sooner by itself. Returns how many milliseconds are left until then; null when
   * it does not run.
   */
  async beginStop(nodeId: string, replicaId: string, graceSeconds: number): Promise<number | null> {
    const [rows] = await this.dataSource.query<[{ leftMs: number }[], number]>(
      `UPDATE simulated_workloads AS w
          SET exits_at = least(w.exits_at, s.at), exit_code = CASE WHEN w.exits_at <= s.at THEN w.exit_code ELSE s.code END,
              exit_reason = CASE WHEN w.exits_at <= s.at THEN w.exit_reason ELSE s.reason END
         FROM (SELECT node_id, replica_id, clock_timestamp() + interval '1 millisecond' *
                      CASE WHEN ignores_sigterm THEN $3::float8 * 1000 ELSE removal_ms END AS at,
                      CASE WHEN ignores_sigterm THEN 137 ELSE 143 END AS code,
                      CASE WHEN ignores_sigterm THEN $4 ELSE $5 END AS reason
                 FROM simulated_workloads WHERE node_id = $1 AND replica_id = $2) AS s
        WHERE w.node_id = s.node_id AND w.replica_id = s.replica_id AND ${PRESENT}
    RETURNING ceil(extract(epoch FROM w.exits_at - clock_timestamp()) * 1000)::float8 AS "leftMs"`,
      [nodeId, replicaId, graceSeconds, endedBy(137), endedBy(143)],
    );
    const left = rows[0]?.leftMs ?? null;
    return left !== null && left > 0 ? left : null;
  }

  /**
   * Begins the removal unless it has begun. Returns how many milliseconds are left until the workload is gone; null when it is
   * gone.
   */
  async beginRemoval(nodeId: string, replicaId: string, graceSeconds: number): Promise<number | null> {
    const left = await this.removals.get({ nodeId, replicaId, graceSeconds });
    return left !== null && left > 0 ? left : null;
  }

  /** Deletes the rows of workloads that were removed long enough ago. */
  async purge(): Promise<void> {
    if (performance.now() - this.forgotAt < FORGET_AFTER_MS) return;
    this.forgotAt = performance.now();
    await this.dataSource.query(
      `DELETE FROM simulated_workloads WHERE gone_at < statement_timestamp() - $1::float8 * interval '1 millisecond'`,
      [FORGET_AFTER_MS],
    );
  }

  /** Null when the node does not answer. */
  list(nodeId: string, deploymentId: string | null): Promise<ObservedWorkload[] | null> {
    return this.lists.get({ nodeId, deploymentId });
  }

  find(nodeId: string, replicaId: string): Promise<ObservedWorkload | null> {
    return this.finds.get({ nodeId, replicaId });
  }

  /** Null when there is no such workload. */
  output(nodeId: string, replicaId: string): Promise<SimulatedOutput | null> {
    return this.outputs.get({ nodeId, replicaId });
  }

  private async beginRemovals(removals: readonly Removal[]): Promise<(number | null)[]> {
    const [rows] = await this.dataSource.query<[{ index: number; leftMs: number }[], number]>(REMOVE, [
      removals.map(({ nodeId }) => nodeId),
      removals.map(({ replicaId }) => replicaId),
      removals.map(({ graceSeconds }) => graceSeconds),
    ]);
    const left = new Map(rows.map(({ index, leftMs }) => [index, leftMs]));
    return removals.map((_, index) => left.get(index + 1) ?? null);
  }

  private async readFaults(nodeIds: readonly string[]): Promise<(true | null)[]> {
    const rows = await this.dataSource.query<{ id: string }[]>(
      `SELECT node_id AS id FROM simulated_node_faults WHERE node_id = ANY($1::uuid[])`,
      [[...new Set(nodeIds)]],
    );
    const unreachable = new Set(rows.map(({ id }) => id));
    return nodeIds.map((id) => unreachable.has(id) || null);
  }

  private async readWorkloads(keys: readonly WorkloadKey[]): Promise<(ObservedWorkload | null)[]> {
    const rows = await this.dataSource.query<(WorkloadRow & { index: number })[]>(FIND, [
      keys.map(({ nodeId }) => nodeId),
      keys.map(({ replicaId }) => replicaId),
    ]);
    const found = new Map(rows.map(({ index, ...row }) => [index, toObserved(row)]));
    return keys.map((_, index) => found.get(index + 1) ?? null);
  }

  private async readLists(wanted: readonly { nodeId: string; deploymentId: string | null }[]): Promise<(ObservedWorkload[] | null)[]> {
    const rows = await this.dataSource.query<(WorkloadRow & { index: number; away: boolean })[]>(LIST, [
      wanted.map(({ nodeId }) => nodeId),
      wanted.map(({ deploymentId }) => deploymentId),
    ]);
    const lists = wanted.map((): ObservedWorkload[] | null => []);
    for (const { index, away, ...row } of rows) {
      if (away) lists[index - 1] = null;
      else lists[index - 1]?.push(toObserved(row));
    }
    return lists;
  }

  private async readOutputs(keys: readonly WorkloadKey[]): Promise<(SimulatedOutput | null)[]> {
    const rows = await this.dataSource.query<(SimulatedOutput & { index: number })[]>(OUTPUT, [
      keys.map(({ nodeId }) => nodeId),
      keys.map(({ replicaId }) => replicaId),
    ]);
    const found = new Map(rows.map(({ index, ...output }) => [index, output]));
    return keys.map((_, index) => found.get(index + 1) ?? null);
  }

  private async insertAll(workloads: readonly WorkloadKey[]): Promise<(true | null)[]> {
    const rows = await this.dataSource.query<{ replicaId: string }[]>(INSERT, [JSON.stringify(workloads)]);
    const made = new Set(rows.map(({ replicaId }) => replicaId));
    return workloads.map(({ replicaId }) => made.has(replicaId) || null);
  }
}

/** A simulated workload has no life before its run, and no name but its id. */
function toObserved({ ports, hostPort, image, generation, specDigest: digest, ...row }: WorkloadRow): ObservedWorkload {
  return {
    ...row,
    origin: {
      name: `simulated-${row.replicaId.slice(0, 8)}`,
      image,
      generation,
      specDigest: digest,
      imageDigest: null,
      createdAt: new Date(Math.floor(row.startedAt.getTime() / 1000) * 1000),
    },
    hasRun: true,
    upSeconds: null,
    publishedPorts: ports.map((port, index) => ({ ...port, hostIp: '127.0.0.1', hostPort: hostPort + index })),
  };
}

const endedBy = (code: number): string => exitReason({ code, outOfMemory: false, memoryMb: null });

/** Nothing listens on the port; the number only has to look like one and stay the same. */
const hostPortOf = (replicaId: string): number => 20_000 + (parseInt(replicaId.replaceAll('-', '').slice(-8), 16) % 40_000);
