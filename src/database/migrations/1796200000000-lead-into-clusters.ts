import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What is made for the routes in a cluster: Ingresses of a class, or HTTPRoutes of a Gateway. Both columns may be null, so programs of
 * before insert as ever. The check holds for all rows at once, because the columns are new.
 */
export class LeadIntoClusters1796200000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE node_clusters
        ADD COLUMN ingress_class text,
        ADD COLUMN gateway text,
        ADD CONSTRAINT ck_node_clusters_entrance CHECK (ingress_class IS NULL OR gateway IS NULL)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE node_clusters DROP COLUMN ingress_class, DROP COLUMN gateway`);
  }
}
