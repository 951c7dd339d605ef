import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import type { Tx } from '../database/transaction';

/** What the container of a replica wrote last, before it ended. */
export interface KeptLog {
  readonly replicaId: string;
  readonly lines: readonly string[];
  /** Older lines are left out. */
  readonly cut: boolean;
}

/** A crash loop makes a failed replica every few minutes, so each deployment keeps the lines of the newest ones only. */
export const MOST_KEPT_LOGS = 20;

/** The last lines of replicas that have ended: an engine forgets them with the container. */
@Injectable()
export class KeptLogsRepository {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  /** Keeps these logs and forgets the oldest beyond the limit. The caller holds the lock of the deployment row. */
  async keep(tx: Tx, deploymentId: string, logs: readonly KeptLog[]): Promise<void> {
    if (logs.length > 0) await tx.query(KEEP, [deploymentId, JSON.stringify(logs.slice(0, MOST_KEPT_LOGS)), MOST_KEPT_LOGS]);
  }

  /** The kept logs of a deployment, newest first, with the names of the nodes. */
  ofDeployment(deploymentId: string): Promise<(KeptLog & { readonly nodeName: string })[]> {
    return this.dataSource.query(
      `SELECT k.replica_id AS "replicaId", k.lines, k.cut, n.name AS "nodeName"
         FROM kept_logs AS k
         JOIN deployment_replicas AS r ON r.id = k.replica_id
         JOIN nodes AS n ON n.id = r.node_id
        WHERE k.deployment_id = $1 ORDER BY k.kept_at DESC, k.replica_id`,
      [deploymentId],
    );
  }
}

/** $1 deployment, $2 logs, $3 how many to keep. The rows that it adds are not yet seen by the part that removes. */
const KEEP = `
  WITH added AS (
    INSERT INTO kept_logs (replica_id, deployment_id, lines, cut)
    SELECT l."replicaId", $1, l.lines, l.cut
      FROM jsonb_to_recordset($2::jsonb) AS l("replicaId" uuid, lines jsonb, cut boolean)
        ON CONFLICT (replica_id) DO NOTHING),
  old AS (
    SELECT replica_id FROM kept_logs WHERE deployment_id = $1
     ORDER BY kept_at DESC, replica_id OFFSET $3::int - jsonb_array_length($2::jsonb))
  DELETE FROM kept_logs WHERE replica_id IN (SELECT replica_id FROM old)`;
