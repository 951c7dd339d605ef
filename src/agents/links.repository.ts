import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import type { Tx } from '../database/transaction';

/** A link as its row has it. */
export interface LinkRow {
  readonly nodeId: string;
  readonly epoch: number;
  readonly identity: number;
  readonly ordersVersion: number;
}

/** What the row of a link is locked with. */
export interface LockedLink extends LinkRow {
  /** -1: no link of the present machine has reported. */
  readonly confirmedEpoch: number;
  /** The id of the key with which the ticket of that one was sealed. Null: unknown, so it is one that can be read. */
  readonly confirmedKey: number | null;
  readonly heardSecondsAgo: number | null;
  /** The process that holds the link, and the start of the agent on its other end. Null: nobody, and unknown. */
  readonly holder: string | null;
  readonly session: string | null;
}

/** A link that begins. */
interface NewLink {
  readonly epoch: number;
  readonly holder: string;
  readonly session: string;
  readonly keyId: number;
}

/** The SQL of links: who holds which, and when each was heard. */
@Injectable()
export class LinksRepository {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  async lock(tx: Tx, nodeId: string): Promise<LockedLink | undefined> {
    const [row] = await tx.query<LockedLink[]>(
      `SELECT l.node_id AS "nodeId", l.epoch::float8 AS epoch, l.confirmed_epoch::float8 AS "confirmedEpoch",
              l.confirmed_key::float8 AS "confirmedKey", a.identity, l.orders_version::float8 AS "ordersVersion",
              extract(epoch FROM clock_timestamp() - l.last_heard)::float8 AS "heardSecondsAgo", l.holder, l.session
         FROM agent_links AS l JOIN node_agents AS a ON a.node_id = l.node_id
        WHERE l.node_id = $1 FOR NO KEY UPDATE OF l`,
      [nodeId],
    );
    return row;
  }

  /** Begins a link. Every earlier one of the node can write no more. */
  async begin(tx: Tx, nodeId: string, { epoch, holder, session, keyId }: NewLink): Promise<void> {
    await tx.query(
      `UPDATE agent_links SET epoch = $2, holder = $3, session = $4, issued_key = $5, last_heard = clock_timestamp()
        WHERE node_id = $1`,
      [nodeId, epoch, holder, session, keyId],
    );
  }

  /** Whether some process still holds this link of the node. */
  async isHeld(nodeId: string, epoch: number): Promise<boolean> {
    const rows = await this.dataSource.query<unknown[]>(
      `SELECT 1 FROM agent_links WHERE node_id = $1 AND epoch = $2 AND holder IS NOT NULL`,
      [nodeId, epoch],
    );
    return rows.length > 0;
  }

  /** Ends these links, as far as no newer ones have taken their places. */
  async end(links: readonly { readonly nodeId: string; readonly epoch: number }[]): Promise<void> {
    await this.dataSource.query(
      `UPDATE agent_links AS l SET holder = NULL
         FROM (SELECT l.node_id FROM unnest($1::uuid[], $2::bigint[]) AS ended(node_id, epoch)
                 JOIN agent_links AS l ON l.node_id = ended.node_id AND l.epoch = ended.epoch
                ORDER BY l.node_id FOR NO KEY UPDATE OF l) AS mine
        WHERE l.node_id = mine.node_id`,
      [links.map(({ nodeId }) => nodeId), links.map(({ epoch }) => epoch)],
    );
  }

  /** Notes that these agents were heard just now: one statement for all links of a process. */
  async heard(nodeIds: readonly string[], holder: string): Promise<void> {
    await this.dataSource.query(
      `UPDATE agent_links AS l SET last_heard = clock_timestamp()
         FROM (SELECT node_id FROM agent_links WHERE node_id = ANY($1::uuid[]) AND holder = $2
                ORDER BY node_id FOR NO KEY UPDATE) AS mine
        WHERE l.node_id = mine.node_id`,
      [nodeIds, holder],
    );
  }

  /** The links of these nodes as they are now. */
  async of(nodeIds: readonly string[]): Promise<LinkRow[]> {
    return this.dataSource.query<LinkRow[]>(
      `SELECT l.node_id AS "nodeId", l.epoch::float8 AS epoch, a.identity, l.orders_version::float8 AS "ordersVersion"
         FROM agent_links AS l JOIN node_agents AS a ON a.node_id = l.node_id
         JOIN nodes AS n ON n.id = l.node_id AND n.removed_at IS NULL
        WHERE l.node_id = ANY($1::uuid[])`,
      [nodeIds],
    );
  }
}
