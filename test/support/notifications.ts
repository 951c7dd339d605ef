import type { TestApp } from './test-app';
import { until } from './until';

interface DeliveryView {
  id: string;
  event_id: string;
  event_type: string;
  state: string;
  attempts: number;
  response_status: number | null;
  error: string | null;
  next_attempt_at: string | null;
}

export interface DeliveryPage {
  deliveries: DeliveryView[];
  next_cursor: string | null;
}

type Kind = 'webhooks' | 'emails';

/** The deliveries to one subscription, the latest first. */
export const deliveriesOf = async (t: TestApp, kind: Kind, id: string, user = 'ada', query = ''): Promise<DeliveryPage> =>
  (await t.as(user).get(`/api/notifications/${kind}/${id}/deliveries${query}`).expect(200)).body as DeliveryPage;

/** Waits until the latest delivery to a subscription of ada has this state, after at least so many attempts. */
export const untilDelivery = (t: TestApp, kind: Kind, id: string, state: string, attempts = 1): Promise<DeliveryView> =>
  until(
    async () => {
      const [last] = (await deliveriesOf(t, kind, id)).deliveries;
      return last?.state === state && last.attempts >= attempts ? last : null;
    },
    { what: `a delivery to ${kind} that is ${state} after ${String(attempts)} attempts`, timeoutMs: 15_000 },
  );

/** Makes the waiting times of a subscription end now. */
export async function timePasses({ dataSource }: TestApp, id: string): Promise<void> {
  await dataSource.query(`UPDATE deliveries SET next_attempt_at = now() WHERE subscription_id = $1 AND state = 'pending'`, [id]);
  await dataSource.query(`UPDATE subscriptions SET retry_at = NULL WHERE id = $1`, [id]);
  await dataSource.query(
    `INSERT INTO jobs (kind, key) VALUES ('notification.deliver', $1) ON CONFLICT (kind, key) DO UPDATE SET due_at = now(), wishes = jobs.wishes + 1`,
    [id],
  );
}
