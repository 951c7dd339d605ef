import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Checks the key of the replicas that were there before. Reads and writes go on meanwhile. */
export class CheckReplicaRevisions1795305620600 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE deployment_replicas VALIDATE CONSTRAINT fk_deployment_replicas_revision`);
  }

  /** A key that was checked harms nobody. */
  async down(): Promise<void> {
    await Promise.resolve();
  }
}
