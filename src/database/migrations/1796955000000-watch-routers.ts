import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Remembers whether workers and database have been there together, so that the silence of routers tells something about them. */
export class WatchRouters1796955000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE router_watch (
        id       boolean NOT NULL DEFAULT true CONSTRAINT pk_router_watch PRIMARY KEY,
        beat_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
        since    timestamptz NOT NULL DEFAULT clock_timestamp(),
        sound_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        CONSTRAINT ck_router_watch_one CHECK (id)
      )`);
    await runner.query(`INSERT INTO router_watch DEFAULT VALUES`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE router_watch`);
  }
}
