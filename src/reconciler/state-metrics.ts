import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { AppConfig } from '../config/app-config';
import { Metrics, type Sample } from '../metrics/metrics';
import { nodeStatus } from '../nodes/node-status.sql';

type GaugeName = 'fog_deployments' | 'fog_replicas' | 'fog_nodes' | 'fog_jobs' | 'fog_jobs_oldest_due_age_seconds';

interface Row {
  readonly gauge: GaugeName;
  readonly label: string;
  readonly value: number;
}

const LABELS: Readonly<Record<GaugeName, string>> = {
  fog_deployments: 'status',
  fog_replicas: 'status',
  fog_nodes: 'status',
  fog_jobs: 'state',
  fog_jobs_oldest_due_age_seconds: 'kind',
};

/** The state of the fleet as gauges, read in one statement. What is finished (deleted, stopped) is not counted: it only grows. */
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
        { name: 'fog_jobs', help: 'Jobs by state: waiting, running, failing.', labels: ['state'] },
        { name: 'fog_jobs_oldest_due_age_seconds', help: 'For how long the oldest due job has been waiting.', labels: ['kind'] },
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
      fog_jobs: of('fog_jobs'),
      fog_jobs_oldest_due_age_seconds: of('fog_jobs_oldest_due_age_seconds'),
    };
  }
}

const STATE = `
  SELECT 'fog_deployments' AS gauge, status AS label, count(*)::float8 AS value FROM deployments WHERE deleted_at IS NULL GROUP BY status
  UNION ALL
  SELECT 'fog_replicas', status, count(*) FROM deployment_replicas
   WHERE status IN ('pending', 'starting', 'running', 'stopping') GROUP BY status
  UNION ALL
  SELECT 'fog_nodes', ${nodeStatus('$1')}, count(*) FROM nodes AS n WHERE n.removed_at IS NULL GROUP BY 2
  UNION ALL
  SELECT 'fog_jobs', CASE WHEN lease_until > now() THEN 'running' WHEN failing_since IS NOT NULL THEN 'failing' ELSE 'waiting' END, count(*)
    FROM jobs GROUP BY 2
  UNION ALL
  SELECT 'fog_jobs_oldest_due_age_seconds', kind,
         greatest(0, extract(epoch FROM now() - min(due_at) FILTER (WHERE lease_until IS NULL OR lease_until < now())))::float8
    FROM jobs GROUP BY kind`;
