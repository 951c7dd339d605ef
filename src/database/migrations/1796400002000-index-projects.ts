import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The indexes by project, beside those by user that `UseProjects` takes away. Reads and writes go on while they are made. */
export class IndexProjects1796400002000 implements MigrationInterface {
  readonly transaction = false;

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`SET statement_timeout = 0`);
    await runner.query(`SET lock_timeout = 0`);
    try {
      for (const [name, statement] of INDEXES) {
        // What an attempt that was broken off has left is made anew.
        await runner.query(`DROP INDEX CONCURRENTLY IF EXISTS ${name}`);
        await runner.query(statement);
      }
    } finally {
      await runner.query(`RESET statement_timeout`);
      await runner.query(`RESET lock_timeout`);
    }
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const [name] of INDEXES) await runner.query(`DROP INDEX ${name}`);
  }
}

const INDEXES = [
  [
    'uq_deployments_project_name',
    `CREATE UNIQUE INDEX CONCURRENTLY uq_deployments_project_name ON deployments (project_id, name) WHERE deleted_at IS NULL`,
  ],
  [
    'ix_deployments_project_created',
    `CREATE INDEX CONCURRENTLY ix_deployments_project_created ON deployments (project_id, created_at, id)`,
  ],
  [
    'ix_deployments_project_labels',
    `CREATE INDEX CONCURRENTLY ix_deployments_project_labels
         ON deployments USING gin (label_keys(project_id, labels)) WITH (fastupdate = off) WHERE labels <> '{}'`,
  ],
] as const;
