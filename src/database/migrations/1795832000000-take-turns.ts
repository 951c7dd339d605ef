import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Gives every job that is due its turn, so that owners are served one after the other, however many jobs one of them has.
 * The trigger also serves programs of before the turns, whose own claims go on to use `ix_jobs_due`.
 */
export class TakeTurns1795832000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE jobs ADD COLUMN owner uuid, ADD COLUMN turn bigint`);
    await runner.query(`CREATE INDEX ix_jobs_turn ON jobs (kind, turn, due_at) WHERE turn IS NOT NULL`);
    await runner.query(`CREATE INDEX ix_jobs_owner_turn ON jobs (kind, owner, turn) WHERE turn IS NOT NULL`);
    await runner.query(`CREATE INDEX ix_jobs_without_turn ON jobs (kind, due_at) WHERE turn IS NULL`);
    await runner.query(`
      CREATE FUNCTION owner_of_job(kind text, key text) RETURNS uuid LANGUAGE plpgsql STABLE AS $$
      BEGIN
        IF key !~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN RETURN NULL; END IF;
        CASE kind
          WHEN 'deployment.reconcile' THEN RETURN (SELECT d.user_id FROM deployments AS d WHERE d.id = key::uuid);
          WHEN 'operation.run' THEN RETURN (SELECT o.user_id FROM operations AS o WHERE o.id = key::uuid);
          WHEN 'notification.deliver' THEN RETURN (SELECT s.user_id FROM subscriptions AS s WHERE s.id = key::uuid);
          ELSE RETURN NULL;
        END CASE;
      END $$`);
    // The plans of a function are kept: one that was made while the tables were small must not read them whole later.
    // An owner's next turn is one after its last, and never before the turn that is served now: who has waited for nothing
    // gains nothing by that. Jobs without an owner come with the turn that is served now.
    await runner.query(`
      CREATE FUNCTION give_turn() RETURNS trigger LANGUAGE plpgsql
        SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off AS $$
      DECLARE
        served bigint;
        last_own bigint;
      BEGIN
        IF NEW.lease_until IS NOT NULL OR NEW.due_at > now() THEN
          NEW.turn := NULL;
        ELSIF NEW.turn IS NULL THEN
          NEW.owner := coalesce(NEW.owner, owner_of_job(NEW.kind, NEW.key));
          SELECT j.turn INTO served FROM jobs AS j WHERE j.kind = NEW.kind AND j.turn IS NOT NULL ORDER BY j.turn LIMIT 1;
          IF NEW.owner IS NOT NULL THEN
            SELECT j.turn INTO last_own FROM jobs AS j
             WHERE j.kind = NEW.kind AND j.owner = NEW.owner AND j.turn IS NOT NULL ORDER BY j.turn DESC LIMIT 1;
          END IF;
          NEW.turn := greatest(coalesce(served, 0), coalesce(last_own + 1, 0));
        END IF;
        RETURN NEW;
      END $$`);
    await runner.query(`
      CREATE TRIGGER tr_jobs_turn BEFORE INSERT OR UPDATE ON jobs FOR EACH ROW EXECUTE FUNCTION give_turn()`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TRIGGER tr_jobs_turn ON jobs`);
    await runner.query(`DROP FUNCTION give_turn(), owner_of_job(text, text)`);
    await runner.query(`DROP INDEX ix_jobs_turn, ix_jobs_owner_turn, ix_jobs_without_turn`);
    await runner.query(`ALTER TABLE jobs DROP COLUMN owner, DROP COLUMN turn`);
  }
}
