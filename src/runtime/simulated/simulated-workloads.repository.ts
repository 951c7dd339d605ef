import { randomBytes } from 'node:crypto';
import type { DataSource } from 'typeorm';
import { StatementBatcher } from '../../database/statement-batcher';
import { exitReason } from '../exit-reason';
import type { PortSpec } from '../../engines/container-spec';
import type { ObservedWorkload, WorkloadPhase, WorkloadSpec } from '../runtime-driver';
import type { SimulatedBehaviour } from './simulated-behaviour';

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
}

/** A workload exists until `gone_at` has passed. Only the clock of the database decides its phase. */
const PRESENT = `(gone_at IS NULL OR gone_at > statement_timestamp())`;
const ENDED = `(exits_at IS NOT NULL AND exits_at <= statement_timestamp())`;
const COLUMNS = `
  replica_id AS "replicaId", deployment_id AS "deploymentId", container_id AS "containerId",
  CASE WHEN ${ENDED} THEN 'exited'
       WHEN ready_at > statement_timestamp() THEN 'starting'
       WHEN unhealthy THEN 'unhealthy'
       ELSE 'running' END AS phase,
  started_at AS "startedAt",
  CASE WHEN ${ENDED} THEN exit_code END AS "exitCode",
  CASE WHEN ${ENDED} THEN exit_reason
       WHEN unhealthy AND ready_at <= statement_timestamp() THEN 'Health check fails' END AS reason,
  ports, host_port AS "hostPort"`;

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
    const workload = { ...identity, generation, image, ports, ...behaviour };
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

  async log(nodeId: string, replicaId: string): Promise<string> {
    const rows = await this.dataSource.query<{ log: string }[]>(
      `SELECT log FROM simulated_workloads WHERE node_id = $1 AND replica_id = $2 AND ${PRESENT}`,
      [nodeId, replicaId],
    );
    return rows[0]?.log ?? '';
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

  private async insertAll(workloads: readonly WorkloadKey[]): Promise<(true | null)[]> {
    const rows = await this.dataSource.query<{ replicaId: string }[]>(INSERT, [JSON.stringify(workloads)]);
    const made = new Set(rows.map(({ replicaId }) => replicaId));
    return workloads.map(({ replicaId }) => made.has(replicaId) || null);
  }
}

/** $1 nodes, $2 replicas. */
const FIND = `
  SELECT asked.index::int, ${COLUMNS}
    FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS asked(node, replica, index)
    JOIN simulated_workloads ON node_id = asked.node AND replica_id = asked.replica
   WHERE ${PRESENT}`;

const SHOWN = ['replicaId', 'deploymentId', 'containerId', 'phase', 'startedAt', 'exitCode', 'reason', 'ports', 'hostPort']
  .map((name) => `shown."${name}"`)
  .join(', ');

/**
 * $1 nodes, $2 deployments or nulls. With a deployment it uses the deployment's index, otherwise the node's: one condition
 * with OR could use neither.
 */
const LIST = `
  WITH asked AS (
    SELECT a.node, a.deployment, a.index::int, f.node_id IS NOT NULL AS away
      FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS a(node, deployment, index)
      LEFT JOIN simulated_node_faults AS f ON f.node_id = a.node),
  listed AS (
    SELECT asked.index, w.*
      FROM asked JOIN simulated_workloads AS w ON w.deployment_id = asked.deployment AND w.node_id = asked.node
     UNION ALL
    SELECT asked.index, w.* FROM asked JOIN simulated_workloads AS w ON w.node_id = asked.node WHERE asked.deployment IS NULL)
  SELECT asked.index, asked.away, ${SHOWN}
    FROM asked LEFT JOIN (SELECT index AS place, ${COLUMNS} FROM listed WHERE ${PRESENT}) AS shown
           ON shown.place = asked.index AND NOT asked.away
   WHERE asked.away OR shown.place IS NOT NULL
   ORDER BY asked.index, shown."startedAt", shown."replicaId"`;

/** $1 nodes, $2 replicas, $3 grace seconds. */
const REMOVE = `
  UPDATE simulated_workloads AS w
     SET gone_at = coalesce(gone_at, CASE WHEN ${ENDED} THEN clock_timestamp() ELSE
           least(exits_at, clock_timestamp() + interval '1 millisecond' *
                           CASE WHEN ignores_sigterm THEN asked.grace * 1000 ELSE removal_ms END) END)
    FROM unnest($1::uuid[], $2::uuid[], $3::float8[]) WITH ORDINALITY AS asked(node, replica, grace, index)
   WHERE w.node_id = asked.node AND w.replica_id = asked.replica AND ${PRESENT}
  RETURNING asked.index::int, ceil(extract(epoch FROM gone_at - clock_timestamp()) * 1000)::float8 AS "leftMs"`;

/** $1 workloads. One that is removed already makes room for the new one. */
const INSERT = `
  INSERT INTO simulated_workloads AS w (node_id, replica_id, deployment_id, container_id, generation, image, ports, host_port,
         log, unhealthy, ignores_sigterm, removal_ms, started_at, ready_at, exits_at, exit_code, exit_reason)
  SELECT n."nodeId", n."replicaId", n."deploymentId", n."containerId", n.generation, n.image, n.ports, n."hostPort",
         n.log, n.unhealthy, n."ignoresSigterm", n."removalMs", t.now, t.now + n."readyAfterMs" * interval '1 millisecond',
         t.now + n."exitAfterMs" * interval '1 millisecond', n."exitCode", n."exitReason"
    FROM (SELECT clock_timestamp() AS now) AS t,
         jsonb_to_recordset($1::jsonb) AS n("nodeId" uuid, "replicaId" uuid, "deploymentId" uuid, "containerId" text,
           generation int, image text, ports jsonb, "hostPort" int, log text, unhealthy boolean, "ignoresSigterm" boolean,
           "removalMs" int, "readyAfterMs" float8, "exitAfterMs" float8, "exitCode" int, "exitReason" text)
   WHERE NOT EXISTS (SELECT 1 FROM simulated_node_faults AS f WHERE f.node_id = n."nodeId")
  ON CONFLICT (node_id, replica_id) DO UPDATE
     SET deployment_id = EXCLUDED.deployment_id, container_id = EXCLUDED.container_id, generation = EXCLUDED.generation,
         image = EXCLUDED.image, ports = EXCLUDED.ports, host_port = EXCLUDED.host_port, log = EXCLUDED.log,
         unhealthy = EXCLUDED.unhealthy, ignores_sigterm = EXCLUDED.ignores_sigterm, removal_ms = EXCLUDED.removal_ms,
         started_at = EXCLUDED.started_at, ready_at = EXCLUDED.ready_at, exits_at = EXCLUDED.exits_at,
         exit_code = EXCLUDED.exit_code, exit_reason = EXCLUDED.exit_reason, gone_at = NULL
   WHERE w.gone_at <= clock_timestamp()
  RETURNING replica_id AS "replicaId"`;

function toObserved({ ports, hostPort, ...row }: WorkloadRow): ObservedWorkload {
  return { ...row, publishedPorts: ports.map((port, index) => ({ ...port, hostIp: '127.0.0.1', hostPort: hostPort + index })) };
}

const endedBy = (code: number): string => exitReason({ code, outOfMemory: false, memoryMb: null });

/** Nothing listens on the port; the number only has to look like one and stay the same. */
const hostPortOf = (replicaId: string): number => 20_000 + (parseInt(replicaId.replaceAll('-', '').slice(-8), 16) % 40_000);
