import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What the largest machine of a node could give to one replica, where a node is several machines. */
export class ShowLargestMachine1796950000003 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE nodes ADD COLUMN largest_cpu_cores numeric(9, 3), ADD COLUMN largest_memory_mb integer`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE nodes DROP COLUMN largest_cpu_cores, DROP COLUMN largest_memory_mb`);
  }
}
