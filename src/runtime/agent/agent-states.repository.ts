import type { DataSource } from 'typeorm';
import type { AgentState } from './agent-state';

/** Reads what is known of nodes through their agents. */
export class AgentStatesRepository {
  constructor(private readonly dataSource: DataSource) {}

  /** The state of a node, of one deployment there, or of one replica. Null: no machine has joined it. */
  async of(nodeId: string, only: { readonly deploymentId?: string; readonly replicaId?: string } = {}): Promise<AgentState | null> {
    const [row] = await this.dataSource.query<AgentState[]>(STATE, [nodeId, only.deploymentId ?? null, only.replicaId ?? null]);
    return row ?? null;
  }

  /** Those of these nodes whose agents were heard lately. */
  async heard(nodeIds: readonly string[]): Promise<ReadonlySet<string>> {
    const rows = await this.dataSource.query<{ id: string }[]>(HEARD, [nodeIds]);
    return new Set(rows.map(({ id }) => id));
  }
}

/** $1 node, $2 deployment or null, $3 replica or null. */
const STATE = `
  SELECT l.holder IS NOT NULL AS "isLinked", l.confirmed_epoch = l.epoch AS "hasReported",
         (extract(epoch FROM clock_timestamp() - l.last_heard) * 1000)::float8 AS "heardMsAgo",
         l.engine, l.engine_trouble AS "engineTrouble", a.intruder,
         CASE WHEN $3::text IS NOT NULL
              THEN CASE WHEN l.workloads ? $3 THEN jsonb_build_array(l.workloads->$3) ELSE '[]' END
              ELSE (SELECT coalesce(jsonb_agg(w.value), '[]') FROM jsonb_each(l.workloads) AS w
                     WHERE $2::text IS NULL OR w.value->>'deploymentId' = $2) END AS workloads,
         (SELECT coalesce(json_agg(json_build_object(
                   'replicaId', o.replica_id, 'deploymentId', o.deployment_id, 'version', o.version, 'will', o.will,
                   'fingerprint', o.fingerprint, 'graceSeconds', o.grace_seconds, 'acted', o.acted,
                   'ended', o.ended_at IS NOT NULL)), '[]')
            FROM agent_orders AS o
           WHERE o.node_id = l.node_id AND ($2::text IS NULL OR o.deployment_id = $2::uuid)
             AND CASE WHEN $3::text IS NULL THEN o.ended_at IS NULL ELSE o.replica_id = $3::uuid END) AS orders,
         CASE WHEN $3::text IS NOT NULL AND l.troubles ? $3 THEN jsonb_build_array(l.troubles->$3) ELSE '[]' END AS troubles,
         CASE WHEN $3::text IS NOT NULL AND l.progress ? $3 THEN jsonb_build_object($3::text, l.progress->$3)
              ELSE '{}' END AS progress
    FROM agent_links AS l JOIN node_agents AS a ON a.node_id = l.node_id
   WHERE l.node_id = $1`;

/** $1 nodes. */
const HEARD = `
  SELECT node_id AS id FROM agent_links
   WHERE node_id = ANY($1::uuid[]) AND holder IS NOT NULL AND last_heard > clock_timestamp() - interval '45 seconds'`;
