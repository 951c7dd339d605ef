import type { DataSource } from 'typeorm';

/** The most that the open reservations of a project have held at any moment so far: replicas, and CPU cores. */
export async function mostReserved(database: DataSource, projectId: string): Promise<{ replicas: number; cpu_cores: number }> {
  const [row] = await database.query<[{ replicas: number; cpu_cores: number }]>(
    `WITH held AS (SELECT v.* FROM reservations AS v JOIN deployments AS d ON d.id = v.deployment_id WHERE d.project_id = $1),
          steps AS (SELECT reserved_at AS at, 1 AS replicas, cpu_cores FROM held
                    UNION ALL SELECT released_at, -1, -cpu_cores FROM held WHERE released_at IS NOT NULL),
          sums AS (SELECT sum(replicas) OVER w AS replicas, sum(cpu_cores) OVER w AS cpu_cores FROM steps
                   WINDOW w AS (ORDER BY at, replicas))
     SELECT coalesce(max(replicas), 0)::int AS replicas, coalesce(max(cpu_cores), 0)::float8 AS cpu_cores FROM sums`,
    [projectId],
  );
  return row;
}
