import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import type { Tx } from '../database/transaction';
import type { Intruder, JoinedMachine } from '../nodes/node.types';

/** The machine that a node stands for, and its keys. */
export interface Identity {
  readonly nodeId: string;
  readonly nodeName: string;
  readonly installationId: string;
  /** Counts the join tokens of the node. */
  readonly identity: number;
  readonly publicKey: Buffer;
  readonly nextPublicKey: Buffer | null;
  readonly machine: JoinedMachine;
}

type Named = Pick<Intruder, 'hostname' | 'address'>;

/** A machine that has just become that of its node. */
export interface Joined {
  readonly nodeId: string;
  readonly nodeName: string;
  readonly installationId: string;
  /** The same machine asked once more, because the answer was lost. */
  readonly isRepeated: boolean;
}

/** The SQL of who the machines of nodes are. Removed nodes do not exist here. */
@Injectable()
export class IdentitiesRepository {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  /**
   * Undefined when there is no such node, or no machine has joined it. An engine that did not answer yet when the machine came is that of
   * the node.
   */
  async find(nodeId: string, tx: Pick<Tx, 'query'> = this.dataSource): Promise<Identity | undefined> {
    const [row] = await tx.query<Identity[]>(
      `SELECT n.id AS "nodeId", n.name AS "nodeName", i.id AS "installationId", a.identity, a.public_key AS "publicKey",
              a.next_public_key AS "nextPublicKey",
              a.machine || jsonb_build_object('engineId', coalesce(a.machine->>'engineId', n.engine_id)) AS machine
         FROM node_agents AS a JOIN nodes AS n ON n.id = a.node_id CROSS JOIN installation AS i
        WHERE a.node_id = $1 AND n.removed_at IS NULL AND a.public_key IS NOT NULL AND a.machine IS NOT NULL`,
      [nodeId],
    );
    return row;
  }

  /**
   * Uses a join token up. Null when it is wrong, has expired, or was used with another key; the same machine may ask again, as its answer
   * may have been lost.
   */
  async join(tx: Tx, tokenHash: string, publicKey: Buffer, machine: JoinedMachine): Promise<Joined | null> {
    const [open] = await tx.query<(Omit<Joined, 'isRepeated'> & { publicKey: Buffer | null })[]>(
      `SELECT n.id AS "nodeId", n.name AS "nodeName", i.id AS "installationId", a.public_key AS "publicKey"
         FROM node_agents AS a JOIN nodes AS n ON n.id = a.node_id CROSS JOIN installation AS i
        WHERE a.join_token_hash = $1 AND a.join_expires_at > clock_timestamp() AND n.removed_at IS NULL
          FOR NO KEY UPDATE OF a`,
      [tokenHash],
    );
    if (!open) return null;
    const { publicKey: joined, ...node } = open;
    if (joined !== null) return joined.equals(publicKey) ? { ...node, isRepeated: true } : null;
    await tx.query(`UPDATE node_agents SET public_key = $2, joined_at = clock_timestamp(), machine = $3 WHERE node_id = $1`, [
      ...[open.nodeId, publicKey, JSON.stringify(machine)],
    ]);
    await tx.query(
      `INSERT INTO agent_links AS l (node_id, confirmed_epoch) VALUES ($1, -1)
           ON CONFLICT (node_id) DO UPDATE
          SET confirmed_epoch = -1, epoch = l.epoch + 1, holder = NULL, session = NULL, reported_at = NULL, engine = NULL,
              engine_trouble = NULL, workloads = '{}', troubles = '{}', progress = '{}', seen_version = 0`,
      [open.nodeId],
    );
    return { ...node, isRepeated: false };
  }

  /** Puts a new key beside the one that is used. It takes over when it is used for the first time. */
  async rotate(nodeId: string, identity: number, publicKey: Buffer): Promise<void> {
    await this.dataSource.query(`UPDATE node_agents SET next_public_key = $3 WHERE node_id = $1 AND identity = $2`, [
      ...[nodeId, identity, publicKey],
    ]);
  }

  /** Ends the key of before, once the next one was used. Another hello may have done so already. */
  async takeNextKey(tx: Tx, nodeId: string, next: Buffer): Promise<void> {
    await tx.query(
      `UPDATE node_agents SET public_key = next_public_key, next_public_key = NULL WHERE node_id = $1 AND next_public_key = $2`,
      [nodeId, next],
    );
  }

  /** Notes what the machine tells of itself now; writes nothing when that is known. */
  async noteMachine(tx: Tx, nodeId: string, machine: JoinedMachine): Promise<void> {
    await tx.query(`UPDATE node_agents SET machine = $2 WHERE node_id = $1 AND machine IS DISTINCT FROM $2::jsonb`, [
      ...[nodeId, JSON.stringify(machine)],
    ]);
  }

  /**
   * Forgets a refused machine that has turned out to be that of the node. Not one that is called like the machine of this session and was
   * refused beside it: clones share their names, and behind NAT their addresses.
   */
  async forgetIntruder(tx: Tx, nodeId: string, machine: Named, session: string): Promise<void> {
    await tx.query(
      `UPDATE node_agents SET intruder = NULL
        WHERE node_id = $1 AND intruder @> $2::jsonb AND intruder->>'beside' IS DISTINCT FROM $3::text`,
      [nodeId, JSON.stringify(machine), session],
    );
  }

  /** Names another machine that came with the key of a node. True when it is news: another one, or none for an hour. */
  async noteIntruder(tx: Tx, nodeId: string, { beside, ...named }: Omit<Intruder, 'at'>): Promise<boolean> {
    const [, count] = await tx.query<[unknown[], number]>(
      `UPDATE node_agents AS a SET intruder = $2::jsonb || jsonb_build_object('at', to_jsonb(${NOW}), 'beside', $3::text)
        WHERE node_id = $1 AND (a.intruder IS NULL OR NOT a.intruder @> $2::jsonb
                                OR (a.intruder->>'at')::timestamptz < clock_timestamp() - interval '1 hour')`,
      [nodeId, JSON.stringify(named), beside],
    );
    return count > 0;
  }
}

const NOW = `to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')`;
