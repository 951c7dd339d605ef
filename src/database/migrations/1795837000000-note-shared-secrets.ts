import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Fingerprints of the secrets that all processes share, and why a confirmation e-mail was not sent. Programs of before this
 * migration do not know of either and go on as they are.
 */
export class NoteSharedSecrets1795837000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE shared_secrets (
        variable text CONSTRAINT pk_shared_secrets PRIMARY KEY,
        fingerprint bytea NOT NULL CONSTRAINT ck_shared_secrets_fingerprint CHECK (octet_length(fingerprint) = 32),
        noted_at timestamptz NOT NULL DEFAULT now()
      )`);
    await runner.query(`ALTER TABLE address_codes ADD COLUMN last_error text`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE address_codes DROP COLUMN last_error`);
    await runner.query(`DROP TABLE shared_secrets`);
  }
}
