import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { DEFAULT_ROLLOUT_POLICY } from '../../deployments/domain/rollout';
import type { Entrance } from '../../runtime/entrances';

/** What is wanted of the entrances of one node, and the state of the database that says so, as PostgreSQL writes it. */
export interface WantedEntrances {
  readonly entrances: readonly Entrance[];
  readonly snapshot: string;
}

/** Reads from the records how deployments are to be reached on a node. */
@Injectable()
export class EntrancesRepository {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  /** One statement, so that all is of one moment. */
  async wanted(nodeId: string): Promise<WantedEntrances> {
    const [row] = await this.dataSource.query<WantedEntrances[]>(WANTED, [nodeId, DEFAULT_ROLLOUT_POLICY.maxUnavailable]);
    if (!row) throw new Error('The entrances of a node could not be read');
    return row;
  }

  /** Makes the job that keeps the entrances of the node, if there is none. */
  async enqueue(nodeId: string): Promise<void> {
    await this.dataSource.query(
      `INSERT INTO jobs (kind, key) VALUES ('node.entrances', $1)
           ON CONFLICT (kind, key) DO NOTHING`,
      [nodeId],
    );
  }
}

/**
 * $1 node, $2 how many replicas a rollout may take away where the deployment does not say. A replica serves when it is a backend of
 * the routes; where there never were any, when it runs and is well. A cluster may end what is not needed for the least that has to
 * serve, and always one of several: otherwise its machines could never be emptied. What is deleted or stopped is wanted no more.
 */
const WANTED = `
  WITH here AS (
    SELECT DISTINCT r.deployment_id AS id FROM reservations AS v JOIN deployment_replicas AS r ON r.id = v.replica_id
     WHERE v.node_id = $1 AND v.released_at IS NULL),
  wanted AS (
    SELECT d.id, d.project_id, d.target_replicas,
           greatest(1, coalesce((d.rollout_policy->>'maxUnavailable')::int, $2::int)) AS spare,
           t.deployment_id IS NOT NULL AS is_tabled, t.backends
      FROM here JOIN deployments AS d ON d.id = here.id AND d.status IN ('pending', 'scheduled', 'running')
      LEFT JOIN route_tables AS t ON t.deployment_id = d.id),
  backends AS (SELECT (b->>'replicaId')::uuid AS id FROM wanted, jsonb_array_elements(backends) AS b),
  live AS (
    SELECT r.id, r.deployment_id, r.revision, r.node_id = $1 AS is_here,
           CASE WHEN w.is_tabled THEN b.id IS NOT NULL
                ELSE r.status = 'running' AND r.paused_at IS NULL AND c.healthy IS DISTINCT FROM false END AS serves
      FROM wanted AS w JOIN deployment_replicas AS r ON r.deployment_id = w.id AND r.status IN ('pending', 'starting', 'running')
      LEFT JOIN backends AS b ON b.id = r.id
      LEFT JOIN replica_checks AS c ON c.replica_id = r.id)
  SELECT pg_current_snapshot()::text AS snapshot, coalesce(json_agg(json_build_object(
           'deploymentId', w.id, 'ownerId', w.project_id, 'members', l.members,
           'keep', greatest(0, l.serving_here - greatest(0, l.serving - greatest(0, w.target_replicas - w.spare))),
           'ports', (SELECT coalesce(json_agg(DISTINCT (p->>'containerPort')::int ORDER BY (p->>'containerPort')::int), '[]')
                       FROM deployment_revisions AS v, jsonb_array_elements(v.spec->'ports') AS p
                      WHERE v.deployment_id = w.id AND v.number = ANY(l.revisions) AND p->>'protocol' = 'tcp'),
           'routes', (SELECT coalesce(json_agg(json_build_object('host', x.host, 'pathPrefix', x.path_prefix, 'port', x.port)
                                               ORDER BY x.position), '[]')
                        FROM deployment_routes AS x WHERE x.deployment_id = w.id AND x.removed_at IS NULL))
           ORDER BY w.id), '[]') AS entrances
    FROM wanted AS w
    JOIN LATERAL (SELECT coalesce(json_agg(live.id ORDER BY live.id) FILTER (WHERE is_here AND serves), '[]') AS members,
                         count(*) FILTER (WHERE serves) AS serving, count(*) FILTER (WHERE serves AND is_here) AS serving_here,
                         array_agg(live.revision) FILTER (WHERE is_here) AS revisions
                    FROM live WHERE live.deployment_id = w.id) AS l ON l.revisions IS NOT NULL`;
