import type { MigrationInterface, QueryRunner } from 'typeorm';

const BATCH = 1_000;

/** Deployments that were deleted before there was a purge are kept for thirty days from now: nothing goes by surprise. */
export class SetPurgeTimes1795305610000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (;;) {
      const [, count] = (await runner.query(`
        UPDATE deployments SET purge_at = now() + interval '720 hours'
         WHERE id IN (SELECT id FROM deployments WHERE deleted_at IS NOT NULL AND purge_at IS NULL ORDER BY id LIMIT ${BATCH} FOR UPDATE)`)) as [
        unknown,
        number,
      ];
      if (count < BATCH) return;
    }
  }

  /** The times stay until the column goes: which of them were set here is not known, and a time too many harms nobody. */
  async down(): Promise<void> {
    await Promise.resolve();
  }
}
