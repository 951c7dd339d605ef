import type { Tx } from '../../database/transaction';

/**
 * Ends what agents were ordered for deployments that are purged, so that no values of their environments stay with the orders of nodes that
 * never come back. One that does come back is told to remove what it still runs of them. The versions are the next of each node.
 */
export async function endOrdersOf(tx: Tx, deploymentIds: readonly string[]): Promise<void> {
  await tx.query(END_ORDERS, [deploymentIds]);
}

/** $1 deployments. The links are locked in the order of their nodes, before any order. */
const END_ORDERS = `
  WITH over AS MATERIALIZED (
    SELECT node_id, replica_id, row_number() OVER (PARTITION BY node_id ORDER BY version) AS place,
           count(*) OVER (PARTITION BY node_id) AS orders
      FROM agent_orders WHERE deployment_id = ANY($1::uuid[]) AND will <> 'absent'),
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
