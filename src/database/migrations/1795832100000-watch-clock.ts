import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Remembers when the clock of the database was last looked at, and a step of it that nobody has confirmed. */
export class WatchClock1795832100000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE clock_watch (
        id             boolean NOT NULL DEFAULT true CONSTRAINT pk_clock_watch PRIMARY KEY,
        seen_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
        boot           text,
        uptime_seconds double precision,
        step_seconds   double precision,
        stepped_at     timestamptz,
        CONSTRAINT ck_clock_watch_one CHECK (id)
      )`);
    await runner.query(`INSERT INTO clock_watch DEFAULT VALUES`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE clock_watch`);
  }
}
