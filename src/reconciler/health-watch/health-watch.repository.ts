import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { AppConfig } from '../../config/app-config';
import type { Tx } from '../../database/transaction';
import type { HealthReplica } from '../../deployments/domain/health';
import { isOnline } from '../../nodes/node-status.sql';
import type { HealthNews, Trouble } from './trouble';

/** A running deployment that may be in trouble. */
export interface Watched {
  readonly id: string;
  readonly generation: number;
  readonly targetReplicas: number;
  readonly replicas: readonly HealthReplica[];
  readonly trouble: Trouble | null;
  /** The database's clock. */
  readonly nowMs: number;
}

/** What has been decided about one deployment. Without a trouble, what was remembered of it is forgotten. */
export interface TroubleChange {
  readonly id: string;
  readonly generation: number;
  readonly trouble: Trouble | null;
  readonly news: HealthNews | null;
  readonly reason: string;
}

/** A node whose silence, or whose return, nobody has been told of. */
export interface NodeNews {
  readonly type: 'fog.node.offline' | 'fog.node.online';
  readonly data: Readonly<Record<string, unknown>>;
}

interface Claim {
  readonly id: string;
  readonly claim: string;
}

@Injectable()
export class HealthWatchRepository {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly config: AppConfig,
  ) {}

  /**
   * The next deployments, by id, that are in trouble or were lately. Costs as much as there is trouble and not more with the
   * number of deployments.
   */
  watched(afterId: string, limit: number): Promise<Watched[]> {
    return this.dataSource.query<Watched[]>(WATCHED, [this.config.NODE_OFFLINE_AFTER_SECONDS, afterId, limit]);
  }

  /**
   * Notes the changes and writes a history row for each news. A deployment that is locked, or has been changed since it was
   * read, is left to the next look. Returns how many news were written.
   */
  async note(tx: Tx, changes: readonly TroubleChange[], job: Claim): Promise<number> {
    const [row] = await tx.query<{ told: number }[]>(NOTE, [JSON.stringify(changes), job.id, job.claim]);
    return row?.told ?? 0;
  }

  /** Forgets the troubles of deployments that are no longer running, or run anew. */
  async forgetEnded(): Promise<void> {
    await this.dataSource.query(
      `DELETE FROM deployment_troubles AS t USING deployments AS d
        WHERE d.id = t.deployment_id AND (d.status <> 'running' OR d.generation <> t.generation)`,
    );
  }

  /** Whether a node has become silent or has returned since it was told. Cheap. */
  async hasNodeNews(): Promise<boolean> {
    const rows = await this.dataSource.query<unknown[]>(`SELECT 1 FROM nodes AS n WHERE ${hasNews('$1')} LIMIT 1`, [
      this.config.NODE_OFFLINE_AFTER_SECONDS,
    ]);
    return rows.length > 0;
  }

  /** The nodes that have become silent or have returned since the last call; each is returned once. */
  async nodeNews(tx: Tx, job: Claim): Promise<NodeNews[]> {
    const [rows] = await tx.query<[NodeNews[], number]>(NODE_NEWS, [this.config.NODE_OFFLINE_AFTER_SECONDS, job.id, job.claim]);
    return rows;
  }
}

/** $1 seconds of silence after which a node is offline, $2 the id after which to go on, $3 how many. */
const WATCHED = `
  SELECT d.id, d.generation, d.target_replicas AS "targetReplicas",
         coalesce((SELECT json_agg(json_build_object('status', r.status, 'reason', r.reason, 'nodeName', n.name,
                                                     'confirmed', ${isOnline('$1')}, 'paused', r.paused_at IS NOT NULL,
                                                     'completed', r.completed_at IS NOT NULL,
                                                     'healthy', h.healthy) ORDER BY r.created_at, r.id)
                     FROM deployment_replicas AS r JOIN nodes AS n ON n.id = r.node_id
                     LEFT JOIN replica_checks AS h ON h.replica_id = r.id
                    WHERE r.deployment_id = d.id AND r.generation = d.generation AND r.superseded_at IS NULL
                      AND (r.status <> 'stopped' OR r.completed_at IS NOT NULL)), '[]') AS replicas,
         CASE WHEN t.deployment_id IS NOT NULL
              THEN json_build_object('health', t.health, 'sinceMs', extract(epoch FROM t.since) * 1000,
                                     'beganMs', extract(epoch FROM t.began_at) * 1000, 'told', t.told) END AS trouble,
         (extract(epoch FROM statement_timestamp()) * 1000)::float8 AS "nowMs"
    FROM (SELECT deployment_id FROM deployment_troubles
           UNION
          SELECT deployment_id FROM deployment_replicas
           WHERE status IN ('pending','starting','stopping') OR status = 'failed' AND superseded_at IS NULL
           UNION
          SELECT deployment_id FROM deployment_replicas WHERE paused_at IS NOT NULL
           UNION
          SELECT v.deployment_id FROM nodes AS n JOIN reservations AS v ON v.node_id = n.id AND v.released_at IS NULL
           WHERE n.removed_at IS NULL AND NOT ${isOnline('$1')}) AS candidate
    JOIN deployments AS d ON d.id = candidate.deployment_id AND d.status = 'running'
    LEFT JOIN deployment_troubles AS t ON t.deployment_id = d.id AND t.generation = d.generation
   WHERE d.id > $2
   ORDER BY d.id LIMIT $3`;

/** $1 changes as JSON, $2 job, $3 its claim. */
const NOTE = `
  WITH wanted AS (
    SELECT * FROM jsonb_to_recordset($1::jsonb) AS (id uuid, generation integer, trouble jsonb, news text, reason text)),
  locked AS (
    SELECT d.id, d.status FROM deployments AS d JOIN wanted AS w ON w.id = d.id AND w.generation = d.generation
     WHERE d.status = 'running' AND EXISTS (SELECT 1 FROM jobs WHERE id = $2 AND claim = $3)
     ORDER BY d.id FOR UPDATE OF d SKIP LOCKED),
  forgotten AS (
    DELETE FROM deployment_troubles AS t USING locked AS l, wanted AS w
     WHERE t.deployment_id = l.id AND w.id = l.id AND w.trouble IS NULL),
  remembered AS (
    INSERT INTO deployment_troubles AS t (deployment_id, generation, health, since, began_at, told)
    SELECT w.id, w.generation, w.trouble->>'health', to_timestamp((w.trouble->>'sinceMs')::float8 / 1000),
           to_timestamp((w.trouble->>'beganMs')::float8 / 1000), w.trouble->>'told'
      FROM wanted AS w JOIN locked AS l ON l.id = w.id WHERE w.trouble IS NOT NULL
        ON CONFLICT (deployment_id) DO UPDATE
       SET generation = excluded.generation, health = excluded.health, since = excluded.since,
           began_at = excluded.began_at, told = excluded.told),
  told AS (
    INSERT INTO deployment_status_history (deployment_id, old_status, new_status, reason, event)
    SELECT w.id, l.status, l.status, w.reason, w.news
      FROM wanted AS w JOIN locked AS l ON l.id = w.id WHERE w.news IS NOT NULL ORDER BY w.id
    RETURNING 1)
  SELECT count(*)::int AS told FROM told`;

const hasNews = (seconds: string): string =>
  `n.removed_at IS NULL AND n.last_heartbeat IS NOT NULL AND (n.silence_told_at IS NULL) <> ${isOnline(seconds)}`;

/** $1 seconds of silence after which a node is offline, $2 job, $3 its claim. */
const NODE_NEWS = `
  UPDATE nodes AS n SET silence_told_at = CASE WHEN ${isOnline('$1')} THEN NULL ELSE now() END
    FROM nodes AS before
   WHERE before.id = n.id AND ${hasNews('$1')}
     AND n.id IN (SELECT n.id FROM nodes AS n WHERE ${hasNews('$1')} ORDER BY n.id FOR NO KEY UPDATE)
     AND EXISTS (SELECT 1 FROM jobs WHERE id = $2 AND claim = $3)
  RETURNING CASE WHEN n.silence_told_at IS NULL THEN 'fog.node.online' ELSE 'fog.node.offline' END AS type,
            jsonb_build_object('node_id', n.id, 'name', n.name, 'region', n.region, 'last_heartbeat', n.last_heartbeat,
                               'offline_since', coalesce(n.silence_told_at, before.silence_told_at),
                               'reason', n.last_error) AS data`;
