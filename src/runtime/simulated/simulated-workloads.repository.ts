import { randomBytes } from 'node:crypto';
import type { DataSource } from 'typeorm';
import type { ObservedWorkload, PortSpec, WorkloadPhase, WorkloadSpec } from '../runtime-driver';
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

/** A workload is there until `gone_at` has passed; its phase follows from the clock of the database alone. */
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

/** All SQL of the simulated engine. Every method is one statement of its own, as every call to an engine is. */
export class SimulatedWorkloadsRepository {
  constructor(private readonly dataSource: DataSource) {}

  async isUnreachable(nodeId: string): Promise<boolean> {
    const rows = await this.dataSource.query<unknown[]>(`SELECT 1 FROM simulated_node_faults WHERE node_id = $1`, [nodeId]);
    return rows.length > 0;
  }

  /** Leaves a workload that is there as it is, ended or not; one that has gone makes room for a new one. */
  async insert(nodeId: string, spec: WorkloadSpec, behaviour: SimulatedBehaviour): Promise<void> {
    await this.dataSource.query(
      `INSERT INTO simulated_workloads AS w (node_id, replica_id, deployment_id, container_id, generation, image, ports, host_port,
              log, unhealthy, ignores_sigterm, removal_ms, started_at, ready_at, exits_at, exit_code, exit_reason)
       SELECT $1, $2, $3, $4, $5, $6, $7::jsonb, $8, $9, $10, $11, $12, t.now, t.now + $13::float8 * interval '1 millisecond',
              t.now + $14::float8 * interval '1 millisecond', $15, $16
         FROM (SELECT clock_timestamp() AS now) AS t
       ON CONFLICT (node_id, replica_id) DO UPDATE
          SET deployment_id = EXCLUDED.deployment_id, container_id = EXCLUDED.container_id, generation = EXCLUDED.generation,
              image = EXCLUDED.image, ports = EXCLUDED.ports, host_port = EXCLUDED.host_port, log = EXCLUDED.log,
              unhealthy = EXCLUDED.unhealthy, ignores_sigterm = EXCLUDED.ignores_sigterm, removal_ms = EXCLUDED.removal_ms,
              started_at = EXCLUDED.started_at, ready_at = EXCLUDED.ready_at, exits_at = EXCLUDED.exits_at,
              exit_code = EXCLUDED.exit_code, exit_reason = EXCLUDED.exit_reason, gone_at = NULL
        WHERE w.gone_at <= clock_timestamp()`,
      [
        nodeId,
        spec.replicaId,
        spec.deploymentId,
        randomBytes(32).toString('hex'),
        spec.generation,
        spec.image,
        JSON.stringify(spec.ports),
        hostPortOf(spec.replicaId),
        behaviour.log,
        behaviour.unhealthy,
        behaviour.ignoresSigterm,
        behaviour.removalMs,
        behaviour.readyAfterMs,
        behaviour.exitAfterMs,
        behaviour.exitCode,
        behaviour.exitReason,
      ],
    );
  }

  /** Begins the removal unless it has begun, and tells how many milliseconds are left of it; null: it is gone. */
  async beginRemoval(nodeId: string, replicaId: string, graceSeconds: number): Promise<number | null> {
    const [rows] = await this.dataSource.query<[{ leftMs: number }[], number]>(
      `UPDATE simulated_workloads
          SET gone_at = coalesce(gone_at, clock_timestamp() + interval '1 millisecond' *
                CASE WHEN ${ENDED} THEN 0 WHEN ignores_sigterm THEN $3::float8 * 1000 ELSE removal_ms END)
        WHERE node_id = $1 AND replica_id = $2 AND ${PRESENT}
    RETURNING ceil(extract(epoch FROM gone_at - clock_timestamp()) * 1000)::float8 AS "leftMs"`,
      [nodeId, replicaId, graceSeconds],
    );
    const left = rows[0]?.leftMs ?? null;
    return left !== null && left > 0 ? left : null;
  }

  /** Forgets what went a minute ago; until then `watch` may still want to tell of it. */
  async purge(nodeId: string): Promise<void> {
    await this.dataSource.query(
      `DELETE FROM simulated_workloads WHERE node_id = $1 AND gone_at < statement_timestamp() - interval '1 minute'`,
      [nodeId],
    );
  }

  async list(nodeId: string, deploymentId: string | null): Promise<ObservedWorkload[]> {
    const rows = await this.dataSource.query<WorkloadRow[]>(
      `SELECT ${COLUMNS} FROM simulated_workloads
        WHERE node_id = $1 AND ($2::uuid IS NULL OR deployment_id = $2) AND ${PRESENT} ORDER BY started_at, replica_id`,
      [nodeId, deploymentId],
    );
    return rows.map(toObserved);
  }

  async find(nodeId: string, replicaId: string): Promise<ObservedWorkload | null> {
    const rows = await this.dataSource.query<WorkloadRow[]>(
      `SELECT ${COLUMNS} FROM simulated_workloads WHERE node_id = $1 AND replica_id = $2 AND ${PRESENT}`,
      [nodeId, replicaId],
    );
    return rows[0] === undefined ? null : toObserved(rows[0]);
  }

  async log(nodeId: string, replicaId: string): Promise<string> {
    const rows = await this.dataSource.query<{ log: string }[]>(
      `SELECT log FROM simulated_workloads WHERE node_id = $1 AND replica_id = $2 AND ${PRESENT}`,
      [nodeId, replicaId],
    );
    return rows[0]?.log ?? '';
  }
}

function toObserved({ ports, hostPort, ...row }: WorkloadRow): ObservedWorkload {
  return { ...row, publishedPorts: ports.map((port, index) => ({ ...port, hostIp: '127.0.0.1', hostPort: hostPort + index })) };
}

/** Nothing listens there; the number only has to look like one and to stay the same. */
const hostPortOf = (replicaId: string): number => 20_000 + (parseInt(replicaId.replaceAll('-', '').slice(-8), 16) % 40_000);
