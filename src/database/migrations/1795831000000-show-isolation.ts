import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * A node keeps the OCI runtime that an administrator has chosen for it, and what its engine has told of how it isolates
 * containers. Both are new columns without a default, so adding them changes the catalogue only.
 */
export class ShowIsolation1795831000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE nodes ADD COLUMN oci_runtime text, ADD COLUMN isolation jsonb`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE nodes DROP COLUMN oci_runtime, DROP COLUMN isolation`);
  }
}
