import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { SecretBox } from '../common/crypto/secret-box';
import type { Tx } from '../database/transaction';
import { LARGEST_MESSAGE_BYTES, type Order, type OrdersMessage, type OrderWill } from '../runtime/agent/link-messages';
import { openSpec } from '../runtime/agent/order-spec';

/** So many orders go in one message, as long as their specs are no larger than this together. One spec alone always fits. */
const MOST_ORDERS = 30;
const MOST_BYTES = LARGEST_MESSAGE_BYTES / 4;
const GRACE_SECONDS = 10;

interface Row {
  readonly replicaId: string;
  readonly version: number;
  readonly will: OrderWill;
  readonly spec: Buffer | null;
  readonly graceSeconds: number;
  readonly resumeRunAt: Date | null;
  readonly ociRuntime: string | null;
  readonly ended: boolean;
  /** Null: the replica is not in the records any more. */
  readonly attempt: number | null;
  /** There are orders after this one. */
  readonly more: boolean;
}

/** Reads the orders of nodes for their agents. */
@Injectable()
export class OrdersRepository {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly box: SecretBox,
  ) {}

  /**
   * The next step of orders after this version; null when there is none. `since` of null begins the whole state, which goes on as steps.
   * What is gone and noted is told to be forgotten.
   */
  async step(nodeId: string, since: number | null): Promise<OrdersMessage | null> {
    // The version first: whatever is committed up to it is in the rows then, and what comes later has a later version.
    const [node] = await this.dataSource.query<{ version: number }[]>(
      `SELECT orders_version::float8 AS version FROM agent_links WHERE node_id = $1`,
      [nodeId],
    );
    if (!node || (since !== null && since >= node.version)) return null;
    const rows = await this.dataSource.query<Row[]>(ORDERS, [nodeId, since ?? 0, MOST_ORDERS, MOST_BYTES]);
    const last = rows.at(-1);
    const version = last?.more === true ? last.version : Math.max(node.version, last?.version ?? 0);
    const orders = rows.filter(({ ended }) => !ended).flatMap((row) => this.orderOf(nodeId, row));
    const forget = rows.filter(({ ended }) => ended).map(({ replicaId }) => replicaId);
    return { type: 'orders', since, version, orders, forget };
  }

  /** The replicas whose orders are over and may be forgotten. They are kept for a day. */
  async over(nodeId: string): Promise<string[]> {
    const rows = await this.dataSource.query<{ id: string }[]>(
      `SELECT replica_id AS id FROM agent_orders WHERE node_id = $1 AND ended_at IS NOT NULL`,
      [nodeId],
    );
    return rows.map(({ id }) => id);
  }

  /**
   * Ends the orders for replicas that have ended in the records, are to end, or are not there any more: what was replaced elsewhere or
   * deleted goes as the first thing. What is kept warm stays, and what a router may still send something to ends as anywhere.
   */
  async settle(tx: Tx, nodeId: string): Promise<void> {
    await tx.query(
      `WITH over AS (
         SELECT o.replica_id, row_number() OVER (ORDER BY o.version) AS place
           FROM agent_orders AS o LEFT JOIN deployment_replicas AS r ON r.id = o.replica_id
          WHERE o.node_id = $1 AND o.will <> 'absent' AND (r.id IS NULL OR r.status IN ('stopped','failed') OR ${ENDS})),
       node AS (
         UPDATE agent_links SET orders_version = orders_version + (SELECT count(*) FROM over) WHERE node_id = $1
         RETURNING orders_version - (SELECT count(*) FROM over) AS version)
       UPDATE agent_orders AS o
          SET version = node.version + over.place, will = 'absent', spec = NULL, fingerprint = NULL, resume_run_at = NULL,
              grace_seconds = $2, acted = false, ended_at = NULL
         FROM over, node WHERE o.node_id = $1 AND o.replica_id = over.replica_id`,
      [nodeId, GRACE_SECONDS],
    );
  }

  /** Numbers all orders anew, after this version: the agent has seen newer ones, so the database was set back. */
  async renumber(tx: Tx, nodeId: string, after: number): Promise<void> {
    await tx.query(
      `WITH numbered AS (
         SELECT replica_id, $2::bigint + row_number() OVER (ORDER BY version) AS version FROM agent_orders WHERE node_id = $1),
       node AS (
         UPDATE agent_links SET orders_version = $2::bigint + (SELECT count(*) FROM numbered) WHERE node_id = $1)
       UPDATE agent_orders AS o SET version = numbered.version FROM numbered
        WHERE o.node_id = $1 AND o.replica_id = numbered.replica_id`,
      [nodeId, after],
    );
  }

  /** Nothing for a start whose spec was sealed with a key that is lost: the agent keeps what it has. */
  private orderOf(nodeId: string, row: Row): Order[] {
    const { replicaId, version, will, graceSeconds, resumeRunAt, ociRuntime, attempt } = row;
    const spec = row.spec && openSpec(this.box, row.spec, { nodeId, replicaId });
    if (will === 'run' && spec === null) return [];
    const order = { replicaId, version, will, graceSeconds, ociRuntime, spec, resumeRunAt: resumeRunAt?.toISOString() ?? null };
    return [{ ...order, ...(will === 'run' && attempt !== null ? { attempt } : {}) }];
  }
}

/** Whether the replica `r` is on its way out, kept for no restore, and out of the routes, or leaving them for longer than requests take. */
const ENDS = `
  (r.status = 'stopping'
   AND (r.warm_until IS NULL OR r.warm_until <= clock_timestamp() OR (r.started_at IS NULL AND r.suspended_run_at IS NULL))
   AND NOT EXISTS (
     SELECT 1 FROM route_tables AS t, jsonb_array_elements(t.backends || t.leaving) AS routed
      WHERE t.deployment_id = r.deployment_id AND routed->>'replicaId' = r.id::text
        AND coalesce((routed->>'since')::timestamptz > clock_timestamp() - interval '1 minute', true)))`;

/** $1 node, $2 the version after which to go on, $3 how many, $4 how many bytes of specs: the first order comes whatever it has. */
const ORDERS = `
  WITH next AS (
    SELECT replica_id, version, sum(coalesce(octet_length(spec), 0)) OVER (ORDER BY version) AS bytes,
           row_number() OVER (ORDER BY version) AS place, lead(version) OVER (ORDER BY version) IS NOT NULL AS more
      FROM (SELECT * FROM agent_orders WHERE node_id = $1 AND version > $2 ORDER BY version LIMIT $3 + 1) AS following)
  SELECT o.replica_id AS "replicaId", o.version::float8 AS version, o.will, o.spec, o.grace_seconds AS "graceSeconds",
         o.resume_run_at AS "resumeRunAt", o.oci_runtime AS "ociRuntime", o.ended_at IS NOT NULL AS ended, next.more,
         (SELECT r.attempt FROM deployment_replicas AS r WHERE r.id = o.replica_id) AS attempt
    FROM next JOIN agent_orders AS o ON o.node_id = $1 AND o.replica_id = next.replica_id
   WHERE next.place <= $3 AND (next.place = 1 OR next.bytes <= $4) ORDER BY o.version`;
