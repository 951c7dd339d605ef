import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * A place for the encrypted values of `env`. Processes of before cannot read them and would drop them in a change, so an installation
 * that has deployments begins with them only when it is told to; where there are none yet, nothing can be lost.
 */
export class SealEnv1796700000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE deployment_revisions ADD COLUMN env_sealed bytea`);
    await runner.query(guard(UNCHANGED_OR_SEALED));
    await runner.query(`ALTER TABLE installation ADD COLUMN seals_env boolean NOT NULL DEFAULT false`);
    await runner.query(`UPDATE installation SET seals_env = NOT EXISTS (SELECT 1 FROM deployments)`);
  }

  /** What is encrypted cannot be read afterwards. */
  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE installation DROP COLUMN seals_env`);
    await runner.query(guard(UNCHANGED));
    await runner.query(`ALTER TABLE deployment_revisions DROP COLUMN env_sealed`);
  }
}

const UNCHANGED = `NEW.spec IS DISTINCT FROM OLD.spec AND NEW.spec <> '{}'`;

/** Encryption, and encryption with another key, do not change what a revision says. */
const UNCHANGED_OR_SEALED = `
  NEW.spec IS DISTINCT FROM OLD.spec AND NEW.spec <> '{}'
    AND NOT (OLD.spec ? 'env' AND NEW.env_sealed IS NOT NULL AND NEW.spec - 'envNames' = OLD.spec - 'env')
  OR NEW.env_sealed IS NULL AND OLD.env_sealed IS NOT NULL AND NEW.spec <> '{}'`;

/** A revision never changes otherwise, but for two things: its digest becomes known once, and its spec is erased when it is forgotten. */
const guard = (spec: string): string => `
  CREATE OR REPLACE FUNCTION guard_revision() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF (NEW.deployment_id, NEW.number, NEW.created_at, NEW.created_by, NEW.reason)
             IS DISTINCT FROM (OLD.deployment_id, OLD.number, OLD.created_at, OLD.created_by, OLD.reason)
           OR ${spec}
           OR NEW.image_digest IS DISTINCT FROM OLD.image_digest AND OLD.image_digest IS NOT NULL THEN
          RAISE EXCEPTION 'revision % of deployment % never changes', OLD.number, OLD.deployment_id USING ERRCODE = '23514';
        END IF;
        RETURN NEW;
      END $$`;
