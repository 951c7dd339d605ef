import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Which start of an agent holds the link of a node, so that another machine with the same identity is told from one that comes again. Unknown
 * until each agent's next hello; programs of before this migration do not note it, which costs such a hello a few seconds.
 */
export class NoteSessions1796943000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE agent_links ADD COLUMN session text`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE agent_links DROP COLUMN session`);
  }
}
