import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { AppConfig } from '../config/app-config';
import { Metrics, type Sample } from '../metrics/metrics';
import { isOnline, nodeStatus } from '../nodes/node-status.sql';

type GaugeName = keyof typeof LABELS;

interface Row {
  readonly gauge: GaugeName;
  readonly label: string;
  readonly value: number;
}

const LABELS = {
  fog_deployments: 'status',
  fog_replicas: 'status',
  fog_nodes: 'status',
  fog_agents: 'state',
  fog_replica_health: 'state',
  fog_deployments_troubled: 'health',
  fog_rollouts_open: 'state',
  fog_jobs: 'state',
  fog_jobs_oldest_due_age_seconds: 'kind',
  fog_teardown_oldest_step_age_seconds: 'step',
  fog_deletions_waiting_for_nodes: 'age',
  fog_operations: 'status',
  fog_orphans: 'kind',
} as const;

/**
 * The state of the fleet as gauges, read in one statement. Finished deployments and replicas are not counted, as their number
 * only grows.
 */
@Injectable()
export class StateMetrics {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly config: AppConfig,
    metrics: Metrics,
  ) {
    metrics.gauges({
      source: 'fleet',
      gauges: [
        { name: 'fog_deployments', help: 'Live deployments by status.', labels: ['status'] },
        { name: 'fog_replicas', help: 'Unfinished replicas by status.', labels: ['status'] },
        { name: 'fog_nodes', help: 'Nodes by status.', labels: ['status'] },
        { name: 'fog_agents', help: 'Machines that only dial out: linked, or away for how long.', labels: ['state'] },
        { name: 'fog_replica_health', help: 'Replicas that live deployments want, and that run and are confirmed.', labels: ['state'] },
        { name: 'fog_deployments_troubled', help: 'Running deployments that are not healthy, for a while already.', labels: ['health'] },
        { name: 'fog_rollouts_open', help: 'Rollouts that are not finished, by state.', labels: ['state'] },
        { name: 'fog_jobs', help: 'Jobs by state: waiting, running, failing.', labels: ['state'] },
        { name: 'fog_jobs_oldest_due_age_seconds', help: 'For how long the oldest due job has been waiting.', labels: ['kind'] },
        {
          name: 'fog_teardown_oldest_step_age_seconds',
          help: 'For how long the oldest open step of a teardown has been open.',
          labels: ['step'],
        },
        { name: 'fog_deletions_waiting_for_nodes', help: 'Deletions that wait for nodes that are offline, by age.', labels: ['age'] },
        { name: 'fog_operations', help: 'Bulk operations that have not ended, by status.', labels: ['status'] },
        { name: 'fog_orphans', help: 'Orphans that were seen twice and have not ended, by kind.', labels: ['kind'] },
      ],
      read: () => this.read(),
    });
  }

  private async read(): Promise<Record<GaugeName, Sample[]>> {
    const rows = await this.dataSource.query<Row[]>(STATE, [this.config.NODE_OFFLINE_AFTER_SECONDS]);
    const of = (gauge: GaugeName): Sample[] =>
      rows.filter((row) => row.gauge === gauge).map(({ label, value }) => ({ labels: { [LABELS[gauge]]: label }, value }));
    return {
      fog_deployments: of('fog_deployments'),
      fog_replicas: of('fog_replicas'),
      fog_nodes: of('fog_nodes'),
      fog_agents: of('fog_agents'),
      fog_replica_health: of('fog_replica_health'),
      fog_deployments_troubled: of('fog_deployments_troubled'),
      fog_rollouts_open: of('fog_rollouts_open'),
      fog_jobs: of('fog_jobs'),
      fog_jobs_oldest_due_age_seconds: of('fog_jobs_oldest_due_age_seconds'),
      fog_teardown_oldest_step_age_seconds: of('fog_teardown_oldest_step_age_seconds'),
      fog_deletions_waiting_for_nodes: of('fog_deletions_waiting_for_nodes'),
      fog_operations: of('fog_operations'),
      fog_orphans: of('fog_orphans'),
    };
  }
}

/** $1 seconds of silence after which a node is offline. */
const STATE = `
  SELECT 'fog_deployments' AS gauge, status AS label, count(*)::float8 AS value
    FROM deployments WHERE deleted_at IS NULL GROUP BY status
  UNION ALL
  SELECT 'fog_replicas', status, count(*) FROM deployment_replicas
   WHERE status IN ('pending', 'starting', 'running', 'stopping') GROUP BY status
  UNION ALL
  SELECT 'fog_nodes', ${nodeStatus('$1')}, count(*) FROM nodes AS n WHERE n.removed_at IS NULL GROUP BY 2
  UNION ALL
  SELECT 'fog_agents',
         CASE WHEN l.holder IS NOT NULL AND l.last_heard > now() - interval '45 seconds' THEN 'linked'
              WHEN l.last_heard > now() - interval '1 hour' THEN 'away_under_1h'
              WHEN l.last_heard > now() - interval '1 day' THEN 'away_under_1d' ELSE 'away_over_1d' END, count(*)
    FROM agent_links AS l JOIN node_agents AS a ON a.node_id = l.node_id AND a.joined_at IS NOT NULL GROUP BY 2
  UNION ALL
  SELECT 'fog_replica_health', 'wanted', coalesce(sum(target_replicas), 0)::float8
    FROM deployments WHERE status IN ('pending', 'scheduled', 'running')
  UNION ALL
  SELECT 'fog_replica_health', 'healthy', count(*) FROM deployment_replicas AS r JOIN nodes AS n ON n.id = r.node_id
   WHERE r.status = 'running' AND r.superseded_at IS NULL AND ${isOnline('$1')}
  UNION ALL
  SELECT 'fog_deployments_troubled', told, count(*) FROM deployment_troubles WHERE told <> 'healthy' GROUP BY told
  UNION ALL
  SELECT 'fog_rollouts_open', state, count(*) FROM deployment_rollouts WHERE finished_at IS NULL GROUP BY state
  UNION ALL
  SELECT 'fog_jobs',
         CASE WHEN lease_until > now() THEN 'running' WHEN failing_since IS NOT NULL THEN 'failing' ELSE 'waiting' END, count(*)
    FROM jobs GROUP BY 2
  UNION ALL
  SELECT 'fog_jobs_oldest_due_age_seconds', kind,
         greatest(0, extract(epoch FROM now() - min(due_at) FILTER (WHERE lease_until IS NULL OR lease_until < now())))::float8
    FROM jobs GROUP BY kind
  UNION ALL
  SELECT 'fog_teardown_oldest_step_age_seconds', CASE r.status WHEN 'stopping' THEN 'stop' ELSE 'release' END,
         greatest(0, extract(epoch FROM now() - min(greatest(r.changed_at, r.warm_until))))::float8
    FROM deletions AS x
    JOIN reservations AS v ON v.deployment_id = x.deployment_id AND v.released_at IS NULL
    JOIN deployment_replicas AS r ON r.id = v.replica_id AND r.generation <= x.generation AND r.status IN ('stopping', 'failed')
   WHERE x.completed_at IS NULL AND coalesce(r.warm_until <= now(), true)
   GROUP BY 2
  UNION ALL
  SELECT 'fog_deletions_waiting_for_nodes', age, count(*)
    FROM (SELECT CASE WHEN x.decided_at > now() - interval '1 minute' THEN 'under_1m'
                      WHEN x.decided_at > now() - interval '10 minutes' THEN 'under_10m'
                      WHEN x.decided_at > now() - interval '1 hour' THEN 'under_1h'
                      WHEN x.decided_at > now() - interval '1 day' THEN 'under_1d'
                      ELSE 'over_1d' END AS age
            FROM deletions AS x
           WHERE x.completed_at IS NULL
             AND EXISTS (SELECT 1 FROM reservations AS v
                           JOIN deployment_replicas AS r ON r.id = v.replica_id AND r.generation <= x.generation
                           JOIN nodes AS n ON n.id = v.node_id
                          WHERE v.deployment_id = x.deployment_id AND v.released_at IS NULL
                            AND (r.suspended_at IS NULL OR r.warm_until <= now()) AND NOT ${isOnline('$1')})) AS waiting
   GROUP BY age
  UNION ALL
  SELECT 'fog_operations', status, count(*) FROM operations WHERE finished_at IS NULL GROUP BY status
  UNION ALL
  SELECT 'fog_orphans', kind, count(*) FROM orphans WHERE ended_at IS NULL AND sightings >= 2 GROUP BY kind`;
