import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { Metrics } from '../metrics/metrics';
import { Channels } from './channels';

/** Metrics of what waits: events without a position, and deliveries. */
@Injectable()
export class NotificationMetrics {
  constructor(@InjectDataSource() dataSource: DataSource, channels: Channels, metrics: Metrics) {
    metrics.gauges({
      source: 'notifications',
      gauges: [
        {
          name: 'fog_events_oldest_unpublished_age_seconds',
          help: 'How long the oldest event without a place in the feed has been waiting.',
        },
        { name: 'fog_notification_deliveries_pending', help: 'Deliveries that have not arrived yet.', labels: ['kind'] },
      ],
      read: async () => {
        const [{ age, pending }] = await dataSource.query<[{ age: number; pending: Record<string, number> }]>(WAITING);
        return {
          fog_events_oldest_unpublished_age_seconds: [{ value: age }],
          fog_notification_deliveries_pending: channels.all.map(({ kind }) => ({ labels: { kind }, value: pending[kind] ?? 0 })),
        };
      },
    });
  }
}

const WAITING = `
  SELECT coalesce((SELECT extract(epoch FROM now() - occurred_at)::float8 FROM events
                    WHERE position IS NULL ORDER BY id LIMIT 1), 0) AS age,
         (SELECT coalesce(json_object_agg(kind, pending), '{}')
            FROM (SELECT s.kind, count(*) AS pending
                    FROM deliveries AS d JOIN subscriptions AS s ON s.id = d.subscription_id AND s.enabled
                   WHERE d.state = 'pending' GROUP BY s.kind) AS of_kind) AS pending`;
