import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What a change of the encryption key beside running processes has to remember: the key of before until nothing is encrypted with it any
 * more, and with which key the tickets of agents were sealed. Programs of before this migration do not know of either and go on as they are.
 */
export class RotateKeys1796920000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE shared_secrets
        ADD COLUMN previous bytea CONSTRAINT ck_shared_secrets_previous CHECK (octet_length(previous) = 32)`);
    await runner.query(`ALTER TABLE agent_links ADD COLUMN issued_key bigint, ADD COLUMN confirmed_key bigint`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE agent_links DROP COLUMN issued_key, DROP COLUMN confirmed_key`);
    await runner.query(`ALTER TABLE shared_secrets DROP COLUMN previous`);
  }
}
