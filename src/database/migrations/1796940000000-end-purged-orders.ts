import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Purges have left the orders of nodes that were away, and the encrypted environments in them. From now on a purge ends them. An agent that
 * comes back is told to remove what it still runs of them, as it would have been without this.
 */
export class EndPurgedOrders1796940000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    // There may be many, and processes of the version before may hold links.
    await runner.query(`SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '60s'`);
    await runner.query(END_ORDERS);
    await runner.query(`CREATE INDEX ix_agent_orders_deployment ON agent_orders (deployment_id) WHERE will <> 'absent'`);
  }

  /** What was removed for good stays so. */
  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP INDEX ix_agent_orders_deployment`);
  }
}

const END_ORDERS = `
  WITH over AS MATERIALIZED (
    SELECT o.node_id, o.replica_id, row_number() OVER (PARTITION BY o.node_id ORDER BY o.version) AS place,
           count(*) OVER (PARTITION BY o.node_id) AS orders
      FROM agent_orders AS o
     WHERE o.will <> 'absent' AND o.deployment_id IS NOT NULL
       AND NOT EXISTS (SELECT 1 FROM deployments AS d WHERE d.id = o.deployment_id)),
  held AS MATERIALIZED (
    SELECT l.node_id FROM agent_links AS l WHERE l.node_id IN (SELECT node_id FROM over) ORDER BY l.node_id FOR UPDATE),
  node AS (
    UPDATE agent_links AS l SET orders_version = l.orders_version + o.orders
      FROM held, (SELECT DISTINCT node_id, orders FROM over) AS o WHERE l.node_id = held.node_id AND o.node_id = held.node_id
    RETURNING l.node_id, l.orders_version - o.orders AS version)
  UPDATE agent_orders AS o
     SET version = node.version + over.place, will = 'absent', spec = NULL, fingerprint = NULL, resume_run_at = NULL,
         acted = false, ended_at = NULL
    FROM over, node WHERE o.node_id = over.node_id AND o.replica_id = over.replica_id AND node.node_id = o.node_id`;
