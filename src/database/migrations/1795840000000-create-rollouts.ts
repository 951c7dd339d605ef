import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Rollouts: the ways from one revision to the next, numbered from 1 in each deployment. A replica names the rollout that made it, so
 * that the replicas of a restart differ from those before it, although they run the same revision; 0 means none. Programs of before
 * this migration go on to work: they know of no rollout and begin none.
 */
export class CreateRollouts1795840000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE deployment_rollouts (
        deployment_id    uuid NOT NULL,
        number           integer NOT NULL CONSTRAINT ck_deployment_rollouts_number CHECK (number >= 1),
        revision         integer NOT NULL,
        from_revision    integer NOT NULL,
        state            text NOT NULL DEFAULT 'progressing',
        reason           text,
        healthy_replicas integer NOT NULL DEFAULT 0,
        started_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
        started_by       uuid CONSTRAINT fk_deployment_rollouts_user REFERENCES users (id) ON DELETE RESTRICT,
        deadline_at      timestamptz NOT NULL,
        finished_at      timestamptz,
        CONSTRAINT pk_deployment_rollouts PRIMARY KEY (deployment_id, number),
        CONSTRAINT fk_deployment_rollouts_revision FOREIGN KEY (deployment_id, revision)
          REFERENCES deployment_revisions (deployment_id, number) ON DELETE RESTRICT,
        CONSTRAINT ck_deployment_rollouts_state
          CHECK (state IN ('progressing','paused','completed','failed','rolled_back','superseded')),
        CONSTRAINT ck_deployment_rollouts_finished
          CHECK (CASE WHEN state IN ('progressing','paused') THEN finished_at IS NULL
                      WHEN state IN ('completed','superseded') THEN finished_at IS NOT NULL ELSE true END)
      )`);
    await runner.query(`
      CREATE UNIQUE INDEX uq_deployment_rollouts_open ON deployment_rollouts (deployment_id) WHERE finished_at IS NULL`);
    await runner.query(`
      ALTER TABLE deployments
        ADD COLUMN current_rollout integer NOT NULL DEFAULT 0, ADD COLUMN open_rollout integer,
        ADD COLUMN rollout_policy jsonb NOT NULL DEFAULT '{}'`);
    await runner.query(`ALTER TABLE deployment_replicas ADD COLUMN rollout integer NOT NULL DEFAULT 0`);
    await runner.query(`ALTER TABLE deployment_revisions ADD COLUMN reason text, ADD COLUMN image_digest text`);
    await this.guardRevisions(runner);
    // Only new rows are checked here: to check the old ones at once would lock large tables. The next migration does it.
    await runner.query(causes(`'deploy','scale','replace','drain','restore','rollout'`, 'NOT VALID'));
    const told = `'degraded','unhealthy','recovered','rollout_started','rolled_out','rolled_back','rollout_paused'`;
    await runner.query(events(told, 'NOT VALID'));
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(events(`'degraded','unhealthy','recovered'`));
    await runner.query(causes(`'deploy','scale','replace','drain','restore'`));
    await runner.query(`DROP TRIGGER tr_revisions_rows ON deployment_revisions`);
    await runner.query(`DROP FUNCTION guard_revision()`);
    await runner.query(`
      CREATE TRIGGER tr_revisions_rows BEFORE UPDATE ON deployment_revisions FOR EACH ROW EXECUTE FUNCTION refuse_change()`);
    await runner.query(`ALTER TABLE deployment_revisions DROP COLUMN reason, DROP COLUMN image_digest`);
    await runner.query(`ALTER TABLE deployment_replicas DROP COLUMN rollout`);
    await runner.query(`ALTER TABLE deployments DROP COLUMN current_rollout, DROP COLUMN open_rollout, DROP COLUMN rollout_policy`);
    await runner.query(`DROP TABLE deployment_rollouts`);
  }

  /** A revision never changes, but for two things: its digest becomes known once, and its spec is erased when it is forgotten. */
  private async guardRevisions(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TRIGGER tr_revisions_rows ON deployment_revisions`);
    await runner.query(`
      CREATE FUNCTION guard_revision() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF (NEW.deployment_id, NEW.number, NEW.created_at, NEW.created_by, NEW.reason)
             IS DISTINCT FROM (OLD.deployment_id, OLD.number, OLD.created_at, OLD.created_by, OLD.reason)
           OR NEW.spec IS DISTINCT FROM OLD.spec AND NEW.spec <> '{}'
           OR NEW.image_digest IS DISTINCT FROM OLD.image_digest AND OLD.image_digest IS NOT NULL THEN
          RAISE EXCEPTION 'revision % of deployment % never changes', OLD.number, OLD.deployment_id USING ERRCODE = '23514';
        END IF;
        RETURN NEW;
      END $$`);
    await runner.query(`
      CREATE TRIGGER tr_revisions_rows BEFORE UPDATE ON deployment_revisions FOR EACH ROW EXECUTE FUNCTION guard_revision()`);
  }
}

const causes = (list: string, validity = ''): string => `
  ALTER TABLE placements DROP CONSTRAINT ck_placements_cause,
    ADD CONSTRAINT ck_placements_cause CHECK (cause IN (${list})) ${validity}`;

const events = (list: string, validity = ''): string => `
  ALTER TABLE deployment_status_history DROP CONSTRAINT ck_deployment_status_history_event,
    ADD CONSTRAINT ck_deployment_status_history_event
      CHECK (event IS NULL OR (old_status = new_status AND event IN (${list}))) ${validity}`;
