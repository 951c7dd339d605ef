import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Lets a statement fail that is sent together with its commit and finds that nothing may be changed. */
export class RefuseTransactions1796960000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE FUNCTION refuse_transaction(reason text) RETURNS void LANGUAGE plpgsql AS $$
      BEGIN
        RAISE EXCEPTION USING ERRCODE = 'FC001', MESSAGE = reason;
      END $$`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP FUNCTION refuse_transaction(text)`);
  }
}
