import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { AppConfig } from '../config/app-config';
import { isOnline } from '../nodes/node-status.sql';
import type { DeploymentFacts } from './wait-condition';

interface Row extends Omit<DeploymentFacts, 'counts'> {
  readonly id: string;
  readonly working: number;
  readonly failed: number;
  readonly unsure: number;
}

/** Reads what can be waited for, of many deployments with one statement. Who may see them is checked elsewhere. */
@Injectable()
export class DeploymentFactsRepository {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly config: AppConfig,
  ) {}

  /** Leaves out deployments that do not exist. */
  async of(ids: readonly string[]): Promise<Map<string, DeploymentFacts>> {
    const rows = await this.dataSource.query<Row[]>(FACTS, [ids, this.config.NODE_OFFLINE_AFTER_SECONDS]);
    return new Map(rows.map(({ id, working, failed, unsure, ...facts }) => [id, { ...facts, counts: { working, failed, unsure } }]));
  }
}

/** $1 deployments, $2 seconds of silence after which a node is offline. A suspended replica holds exactly one reservation. */
const FACTS = `
  SELECT d.id, d.status, d.target_replicas AS "targetReplicas", c.working, c.failed, c.unsure, c.live, c.outdated,
         (SELECT state FROM deployment_rollouts WHERE deployment_id = d.id ORDER BY number DESC LIMIT 1) AS rollout,
         (SELECT count(*)::int FROM reservations WHERE deployment_id = d.id AND released_at IS NULL) - c.suspended AS reserved
    FROM deployments AS d
   CROSS JOIN LATERAL (
          SELECT count(*) FILTER (WHERE r.counts AND (r.status = 'running' OR r.completed_at IS NOT NULL))::int AS working,
                 count(*) FILTER (WHERE r.counts AND r.status = 'failed')::int AS failed,
                 count(*) FILTER (WHERE r.counts AND r.status = 'running'
                                    AND (r.paused_at IS NOT NULL OR NOT ${isOnline('$2')}))::int AS unsure,
                 count(*) FILTER (WHERE r.live)::int AS live,
                 count(*) FILTER (WHERE r.live AND r.revision <> d.current_revision)::int AS outdated,
                 count(*) FILTER (WHERE r.status = 'stopping' AND r.suspended_at IS NOT NULL)::int AS suspended
            FROM (SELECT *, generation = d.generation AND superseded_at IS NULL AS counts,
                         status NOT IN ('stopped', 'failed') AND suspended_at IS NULL AS live
                    FROM deployment_replicas
                   WHERE deployment_id = d.id
                     AND (status NOT IN ('stopped', 'failed') OR status = 'failed' AND superseded_at IS NULL
                          OR completed_at IS NOT NULL)) AS r
            JOIN nodes AS n ON n.id = r.node_id) AS c
   WHERE d.id = ANY($1::uuid[])`;
