import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * How the cluster of a Kubernetes node is reached. The kubeconfig is encrypted; null means the cluster that this program runs in.
 * A new table, so programs of before do not meet it, and they serve no nodes of this kind.
 */
export class CreateNodeClusters1795950000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE node_clusters (
        node_id       uuid    NOT NULL CONSTRAINT pk_node_clusters PRIMARY KEY
                                       CONSTRAINT fk_node_clusters_node REFERENCES nodes (id) ON DELETE CASCADE,
        kubeconfig    bytea,
        namespace     text    NOT NULL,
        node_selector jsonb   NOT NULL DEFAULT '{}',
        version       integer NOT NULL DEFAULT 1
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE node_clusters`);
  }
}
