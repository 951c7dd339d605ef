import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { AppConfig } from '../config/app-config';
import { replicaCounts } from '../deployments/views/narrowing.sql';
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

/**
 * $1 deployments, $2 seconds of silence after which a node is offline. The health is counted as lists and the status count it, so that
 * `healthy` is never reached beside another grade. A suspended replica holds exactly one reservation.
 */
const FACTS = `
  SELECT d.id, d.status, d.target_replicas AS "targetReplicas", c.working::int, c.failed::int, c.unsure::int, l.live, l.outdated,
         (SELECT state FROM deployment_rollouts WHERE deployment_id = d.id ORDER BY number DESC LIMIT 1) AS rollout,
         (SELECT count(*)::int FROM reservations WHERE deployment_id = d.id AND released_at IS NULL) - l.suspended AS reserved
    FROM deployments AS d
   CROSS JOIN LATERAL (${replicaCounts('d', '$2')}) AS c
   CROSS JOIN LATERAL (
          SELECT count(*) FILTER (WHERE suspended_at IS NULL)::int AS live,
                 count(*) FILTER (WHERE suspended_at IS NULL AND revision <> d.current_revision)::int AS outdated,
                 count(*) FILTER (WHERE suspended_at IS NOT NULL AND status = 'stopping')::int AS suspended
            FROM deployment_replicas
           WHERE deployment_id = d.id AND status NOT IN ('stopped', 'failed')) AS l
   WHERE d.id = ANY($1::uuid[])`;
