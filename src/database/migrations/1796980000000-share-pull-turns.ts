import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The pulls of images that are under way or wait, so that all processes share the places of an engine. */
export class SharePullTurns1796980000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE image_pulls (
        id          uuid NOT NULL CONSTRAINT pk_image_pulls PRIMARY KEY,
        node_id     uuid NOT NULL,
        owner_id    uuid NOT NULL,
        begun       boolean NOT NULL DEFAULT false,
        asked_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
        lease_until timestamptz NOT NULL
      )`);
    await runner.query(`CREATE INDEX ix_image_pulls_node ON image_pulls (node_id)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE image_pulls`);
  }
}
