import type { DataSource } from 'typeorm';
import type { Metrics } from './metrics';

/** The numbers that the pool of pg keeps. TypeORM does not type its pool. */
interface PoolNumbers {
  readonly totalCount: number;
  readonly idleCount: number;
  readonly waitingCount: number;
  readonly waitingInLanes: number;
}

/** Connections of the database pool by state; `waiting` counts work that waits for a free one. */
export function measurePool(dataSource: DataSource, metrics: Metrics): void {
  metrics.gauges({
    source: 'database pool',
    gauges: [{ name: 'fog_database_pool_connections', help: 'Connections of the database pool by state.', labels: ['state'] }],
    read: () => {
      const { master } = dataSource.driver as unknown as { master: PoolNumbers };
      return {
        fog_database_pool_connections: [
          { labels: { state: 'used' }, value: master.totalCount - master.idleCount },
          { labels: { state: 'idle' }, value: master.idleCount },
          { labels: { state: 'waiting' }, value: master.waitingCount + master.waitingInLanes },
        ],
      };
    },
  });
}
