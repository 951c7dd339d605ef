import { IS_CONFIRMED } from './account-address';

/** True when the subscription `s` of the user `u` may get anything. The parameter lists the kinds that need a confirmed address. */
const mayBeSent = (kinds: string): string => `(s.kind <> ALL(${kinds}::text[]) OR ${IS_CONFIRMED})`;

/**
 * Makes deliveries of the events that have just got their positions, and gives the subscriptions that have work now. A
 * test event is delivered to its own subscription only. Subscriptions that are being removed are left out, because they
 * cannot be locked.
 * $1 first and $2 last position, $3 hours after which a delivery is given up, $4 kinds of channels that need a
 * confirmed address, $5 kinds of channels that report every subscription that was switched off
 */
export const CREATE = `
  WITH wanted AS (
    SELECT s.id AS subscription_id, e.id AS event, e.position
      FROM events AS e
      JOIN subscriptions AS s ON s.user_id = e.user_id AND s.enabled
      JOIN users AS u ON u.id = s.user_id AND u.is_active
     WHERE e.position BETWEEN $1 AND $2 AND ${mayBeSent('$4')}
       AND CASE WHEN e.type = 'fog.notification.test' THEN e.data ->> 'subscription_id' = s.id::text
                WHEN e.type = 'fog.notification.disabled' AND s.kind = ANY($5::text[]) THEN true
                ELSE (s.event_types = '{}' OR e.type = ANY(s.event_types)) AND e.labels @> s.labels END
     ORDER BY s.id, e.position
       FOR KEY SHARE OF s),
  created AS (
    INSERT INTO deliveries (subscription_id, event, position, give_up_at)
    SELECT subscription_id, event, position, now() + make_interval(hours => $3) FROM wanted
    RETURNING subscription_id)
  SELECT DISTINCT subscription_id AS id FROM created ORDER BY id`;

/**
 * Queues a job for every subscription that has something to send and no job.
 * $1 kinds of channels that need a confirmed address
 */
export const ENQUEUE_FORGOTTEN = `
  INSERT INTO jobs (kind, key)
  SELECT 'notification.deliver', s.id::text FROM subscriptions AS s JOIN users AS u ON u.id = s.user_id AND u.is_active
   WHERE s.enabled AND ${mayBeSent('$1')}
     AND EXISTS (SELECT 1 FROM deliveries AS d WHERE d.subscription_id = s.id AND d.state = 'pending')
   ORDER BY s.id
      ON CONFLICT (kind, key) DO NOTHING`;

/**
 * Reads what deliveries need to know of a subscription. One that has sent as many events as its channel allows in an
 * hour waits until the first of them is an hour old. A turn that has begun is finished, so there may be some more.
 * $1 subscription, $2 how many events each kind of channel sends in an hour (JSON; null: no limit)
 */
export const TARGET = `
  SELECT s.id, s.user_id AS "userId", s.kind, s.url, u.email, u.is_active AND s.enabled AS "isActive",
         ${IS_CONFIRMED} AS "isAddressConfirmed", s.version, s.failures, s.secret_sealed AS "secretSealed",
         CASE WHEN s.previous_secret_until > now() THEN s.previous_secret_sealed END AS "previousSecretSealed",
         greatest(0, ceil(extract(epoch FROM greatest(s.retry_at,
           CASE WHEN most.an_hour IS NOT NULL
                THEN (SELECT d.finished_at + interval '1 hour' FROM deliveries AS d
                       WHERE d.subscription_id = s.id AND d.state = 'delivered'
                       ORDER BY d.position DESC OFFSET most.an_hour - 1 LIMIT 1) END) - now()) * 1000))::int AS "pauseMs",
         (SELECT greatest(0, ceil(extract(epoch FROM min(d.next_attempt_at) - now()) * 1000))::float8
            FROM deliveries AS d WHERE d.subscription_id = s.id AND d.state = 'pending' HAVING count(*) > 0) AS "dueMs"
    FROM subscriptions AS s JOIN users AS u ON u.id = s.user_id
   CROSS JOIN LATERAL (SELECT ($2::jsonb ->> s.kind)::int AS an_hour) AS most
   WHERE s.id = $1`;

/**
 * Reads the deliveries that are due, with their events, in the order of the feed.
 * $1 subscription, $2 how many at most
 */
export const DUE = `
  SELECT d.id, d.attempts,
         json_build_object('eventId', e.event_id, 'position', e.position, 'type', e.type, 'userId', e.user_id,
                           'deploymentId', e.deployment_id, 'labels', e.labels, 'data', e.data,
                           'occurredAt', e.occurred_at) AS event
    FROM deliveries AS d JOIN events AS e ON e.id = d.event
   WHERE d.subscription_id = $1 AND d.state = 'pending' AND d.next_attempt_at <= now()
   ORDER BY d.position LIMIT $2`;

/**
 * Records an attempt, provided that the job still has its claim.
 * $1 subscription, $2 delivery, $3 job, $4 its claim, $5 whether it arrived, $6 status of the answer, $7 why it failed,
 * $8 ms until this delivery is tried again, $9 ms until anything is sent there again,
 * $10 days and $11 failures in a row that make the subscription hopeless
 */
export const RECORD = `
  WITH told AS (
    UPDATE subscriptions
       SET failures = CASE WHEN $5 THEN 0 ELSE failures + 1 END,
           failing_since = CASE WHEN $5 THEN NULL ELSE coalesce(failing_since, now()) END,
           retry_at = CASE WHEN $5 THEN NULL ELSE now() + make_interval(secs => $9::float8 / 1000) END
     WHERE id = $1 AND EXISTS (SELECT 1 FROM jobs WHERE id = $3 AND claim = $4)
    RETURNING id, version, failures, failing_since),
  written AS (
    UPDATE deliveries AS d
       SET attempts = d.attempts + 1, last_attempt_at = now(), response_status = $6, error = $7,
           state = CASE WHEN $5 THEN 'delivered' WHEN d.give_up_at <= now() + next.wait THEN 'dead' ELSE 'pending' END,
           next_attempt_at = CASE WHEN NOT $5 AND d.give_up_at > now() + next.wait THEN now() + next.wait END,
           finished_at = CASE WHEN $5 OR d.give_up_at <= now() + next.wait THEN now() END
      FROM told, (SELECT make_interval(secs => $8::float8 / 1000) AS wait) AS next
     WHERE d.id = $2 AND d.state = 'pending')
  SELECT version, coalesce(failing_since < now() - make_interval(days => $10) AND failures >= $11, false) AS hopeless
    FROM told`;
