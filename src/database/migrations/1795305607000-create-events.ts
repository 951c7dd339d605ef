import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The outbox of events with their feed, and who wants to be told of them: webhooks and e-mails with their deliveries. */
export class CreateEvents1795305607000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await this.createEvents(runner);
    await this.createStatusTrigger(runner);
    await this.createSubscriptions(runner);
  }

  /** No foreign keys: an event outlives what it tells of. Without a position it is not in the feed yet. */
  private async createEvents(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE events (
        id            bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_events PRIMARY KEY,
        event_id      uuid NOT NULL DEFAULT gen_random_uuid(),
        position      bigint,
        type          text NOT NULL,
        user_id       uuid NOT NULL,
        deployment_id uuid,
        labels        jsonb NOT NULL DEFAULT '{}',
        data          jsonb NOT NULL,
        occurred_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
        published_at  timestamptz,
        CONSTRAINT ck_events_published CHECK ((position IS NULL) = (published_at IS NULL))
      )`);
    await runner.query(`CREATE INDEX ix_events_unpublished ON events (id) WHERE position IS NULL`);
    await runner.query(`CREATE UNIQUE INDEX uq_events_position ON events (position) WHERE position IS NOT NULL`);
    await runner.query(`CREATE INDEX ix_events_user ON events (user_id, position) WHERE position IS NOT NULL`);
    await runner.query(`
      CREATE TABLE event_feed (
        only_row       boolean NOT NULL DEFAULT true CONSTRAINT pk_event_feed PRIMARY KEY,
        last_position  bigint NOT NULL DEFAULT 0,
        purged_through bigint NOT NULL DEFAULT 0,
        CONSTRAINT ck_event_feed_single CHECK (only_row),
        CONSTRAINT ck_event_feed_order CHECK (purged_through <= last_position)
      )`);
    await runner.query(`INSERT INTO event_feed DEFAULT VALUES`);
  }

  /** Every history row is an event: no code path can forget it, and none pays a round trip for it. */
  private async createStatusTrigger(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE FUNCTION record_status_events() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        INSERT INTO events (type, user_id, deployment_id, labels, data, occurred_at)
        SELECT 'fog.deployment.' || CASE WHEN h.old_status = 'none' THEN 'created'
                                         WHEN h.old_status = h.new_status THEN 'scaled'
                                         WHEN h.old_status = 'deleted' THEN 'restored'
                                         ELSE h.new_status END,
               d.user_id, d.id, d.labels,
               jsonb_build_object('deployment_id', d.id, 'name', d.name, 'old_status', nullif(h.old_status, 'none'),
                                  'new_status', h.new_status, 'reason', h.reason, 'target_replicas', d.target_replicas,
                                  'generation', d.generation, 'changed_by', h.changed_by, 'request_id', h.request_id,
                                  'labels', d.labels),
               h.changed_at
          FROM added AS h JOIN deployments AS d ON d.id = h.deployment_id
         ORDER BY h.id;
        RETURN NULL;
      END $$`);
    await runner.query(`
      CREATE TRIGGER tr_history_events AFTER INSERT ON deployment_status_history REFERENCING NEW TABLE AS added
        FOR EACH STATEMENT EXECUTE FUNCTION record_status_events()`);
  }

  private async createSubscriptions(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE subscriptions (
        id                     uuid NOT NULL DEFAULT gen_random_uuid() CONSTRAINT pk_subscriptions PRIMARY KEY,
        user_id                uuid NOT NULL CONSTRAINT fk_subscriptions_user REFERENCES users (id) ON DELETE CASCADE,
        kind                   text NOT NULL,
        url                    text,
        description            text NOT NULL DEFAULT '',
        event_types            text[] NOT NULL DEFAULT '{}',
        labels                 jsonb NOT NULL DEFAULT '{}',
        enabled                boolean NOT NULL DEFAULT true,
        disabled_reason        text,
        secret_sealed          bytea,
        previous_secret_sealed bytea,
        previous_secret_until  timestamptz,
        revision               integer NOT NULL DEFAULT 0,
        failures               integer NOT NULL DEFAULT 0,
        failing_since          timestamptz,
        retry_at               timestamptz,
        last_test_at           timestamptz,
        created_at             timestamptz NOT NULL DEFAULT now(),
        updated_at             timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT ck_subscriptions_kind CHECK (kind IN ('webhook','email')),
        CONSTRAINT ck_subscriptions_webhook CHECK ((kind = 'webhook') = (url IS NOT NULL AND secret_sealed IS NOT NULL)),
        CONSTRAINT ck_subscriptions_disabled CHECK (NOT enabled OR disabled_reason IS NULL)
      )`);
    await runner.query(`CREATE INDEX ix_subscriptions_user ON subscriptions (user_id, created_at)`);
    await runner.query(`
      CREATE TABLE deliveries (
        id               uuid NOT NULL DEFAULT gen_random_uuid() CONSTRAINT pk_deliveries PRIMARY KEY,
        subscription_id  uuid NOT NULL CONSTRAINT fk_deliveries_subscription REFERENCES subscriptions (id) ON DELETE CASCADE,
        event            bigint NOT NULL CONSTRAINT fk_deliveries_event REFERENCES events (id) ON DELETE CASCADE,
        position         bigint NOT NULL,
        state            text NOT NULL DEFAULT 'pending',
        attempts         integer NOT NULL DEFAULT 0,
        next_attempt_at  timestamptz DEFAULT now(),
        give_up_at       timestamptz NOT NULL,
        last_attempt_at  timestamptz,
        response_status  integer,
        error            text,
        created_at       timestamptz NOT NULL DEFAULT now(),
        finished_at      timestamptz,
        CONSTRAINT uq_deliveries_event UNIQUE (event, subscription_id),
        CONSTRAINT ck_deliveries_state CHECK (state IN ('pending','delivered','dead')),
        CONSTRAINT ck_deliveries_next CHECK ((state = 'pending') = (next_attempt_at IS NOT NULL)),
        CONSTRAINT ck_deliveries_finished CHECK ((state = 'pending') = (finished_at IS NULL))
      )`);
    await runner.query(`CREATE INDEX ix_deliveries_log ON deliveries (subscription_id, position)`);
    await runner.query(`CREATE INDEX ix_deliveries_pending ON deliveries (subscription_id, position) WHERE state = 'pending'`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TRIGGER tr_history_events ON deployment_status_history`);
    await runner.query(`DROP FUNCTION record_status_events()`);
    await runner.query(`DROP TABLE deliveries, subscriptions, event_feed, events`);
  }
}
