import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import type { ReportMessage } from '../runtime/agent/link-messages';

/** What a report has changed in the records. */
export interface NotedReport {
  /** The replicas whose orders are over with it. */
  readonly ended: readonly string[];
  /** The workloads that are shown otherwise than before, of replicas that the node has orders for. */
  readonly changed: readonly { readonly deploymentId: string; readonly replicaId: string }[];
  /** How many workloads the node shows in all. */
  readonly shown: number;
}

/** Writes what agents report: one statement, which writes the one row of the node, and those of orders that it makes done. */
@Injectable()
export class ReportsRepository {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  /** Null when the link is no longer that of the node; nothing is written then. */
  async note(nodeId: string, epoch: number, report: ReportMessage): Promise<NotedReport | null> {
    const [row] = await this.dataSource.query<NotedReport[]>(NOTE, [
      ...[nodeId, epoch, report.whole, report.ordersVersion],
      ...[report.engine && JSON.stringify(report.engine), report.engineTrouble],
      JSON.stringify(byReplica(report.workloads)),
      JSON.stringify(report.gone),
      JSON.stringify(byReplica(report.troubles)),
      JSON.stringify(Object.fromEntries(report.progress.map(({ replicaId, words }) => [replicaId, words]))),
    ]);
    return row ?? null;
  }
}

const byReplica = <T extends { readonly replicaId: string }>(entries: readonly T[]): Record<string, T> =>
  Object.fromEntries(entries.map((entry) => [entry.replicaId, entry]));

/**
 * $1 node, $2 epoch of the link, $3 whether it is whole, $4 version of the orders that the agent has, $5 engine, $6 its trouble,
 * $7 workloads by replica, $8 what is gone, $9 troubles and $10 progress by replica. While the engine does not answer its agent, or is
 * not that of the node, nothing is known, and what was reported before stays. An order is over when the agent says so, or when a whole
 * report lacks what it has made.
 */
const NOTE = `
  WITH before AS (
    SELECT workloads FROM agent_links WHERE node_id = $1 AND epoch = $2 FOR NO KEY UPDATE),
  told AS (
    SELECT $5::jsonb IS NOT NULL AND coalesce(n.engine_id = $5::jsonb->>'engineId', true) AS knows, $7::jsonb AS workloads,
           ARRAY(SELECT g->>'replicaId' FROM jsonb_array_elements($8::jsonb) AS g) AS gone
      FROM nodes AS n WHERE n.id = $1),
  noted AS (
    UPDATE agent_links AS l
       SET confirmed_epoch = $2, confirmed_key = l.issued_key, seen_version = greatest(l.seen_version, $4),
           reported_at = clock_timestamp(), last_heard = clock_timestamp(), engine = $5::jsonb, engine_trouble = $6,
           workloads = CASE WHEN NOT told.knows THEN l.workloads WHEN $3::boolean THEN told.workloads
                            ELSE (l.workloads - told.gone) || told.workloads END,
           troubles = $9::jsonb, progress = $10::jsonb
      FROM before, told WHERE l.node_id = $1 AND l.epoch = $2
    RETURNING l.workloads, before.workloads AS old),
  over AS (
    UPDATE agent_orders AS o SET ended_at = clock_timestamp()
      FROM noted, told
     WHERE o.node_id = $1 AND o.ended_at IS NULL AND told.knows AND NOT noted.workloads ? o.replica_id::text
       AND (EXISTS (SELECT 1 FROM jsonb_array_elements($8::jsonb) AS g
                     WHERE g->>'replicaId' = o.replica_id::text AND (g->>'version')::bigint >= o.version)
            OR ($3::boolean AND o.acted AND $4 >= o.version))
    RETURNING o.replica_id AS id),
  acted AS (
    UPDATE agent_orders AS o SET acted = true
      FROM noted, told
     WHERE o.node_id = $1 AND NOT o.acted AND told.knows
       AND (noted.workloads->o.replica_id::text->>'version')::bigint >= o.version)
  SELECT (SELECT coalesce(json_agg(id), '[]') FROM over) AS ended,
         (SELECT coalesce(json_agg(json_build_object('replicaId', key, 'deploymentId', shown->>'deploymentId')), '[]')
            FROM (SELECT coalesce(n.key, b.key) AS key, coalesce(n.value, b.value) AS shown
                    FROM jsonb_each(noted.workloads) AS n FULL JOIN jsonb_each(noted.old) AS b ON b.key = n.key
                   WHERE n.value - 'version' IS DISTINCT FROM b.value - 'version') AS differing
           WHERE EXISTS (SELECT 1 FROM agent_orders AS o WHERE o.node_id = $1 AND o.replica_id = key::uuid)) AS changed,
         (SELECT count(*)::int FROM jsonb_object_keys(noted.workloads)) AS shown
    FROM noted`;
