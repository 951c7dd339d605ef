import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { Metrics } from '../metrics/metrics';

/** What waits: events for their place in the feed, deliveries for their targets. */
@Injectable()
export class NotificationMetrics {
  constructor(@InjectDataSource() dataSource: DataSource, metrics: Metrics) {
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
        const [row] = await dataSource.query<{ age: number; webhook: number; email: number }[]>(WAITING);
        const { age, webhook, email } = row ?? { age: 0, webhook: 0, email: 0 };
        return {
          fog_events_oldest_unpublished_age_seconds: [{ value: age }],
          fog_notification_deliveries_pending: [
            { labels: { kind: 'webhook' }, value: webhook },
            { labels: { kind: 'email' }, value: email },
          ],
        };
      },
    });
  }
}

const WAITING = `
  SELECT coalesce((SELECT extract(epoch FROM now() - occurred_at)::float8 FROM events WHERE position IS NULL ORDER BY id LIMIT 1), 0) AS age,
         count(*) FILTER (WHERE s.kind = 'webhook')::int AS webhook, count(*) FILTER (WHERE s.kind = 'email')::int AS email
    FROM deliveries AS d JOIN subscriptions AS s ON s.id = d.subscription_id AND s.enabled
   WHERE d.state = 'pending'`;
