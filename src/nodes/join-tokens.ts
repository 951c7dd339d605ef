import { Injectable } from '@nestjs/common';
import { hashToken, newSecretToken } from '../auth/secret-token';
import { AppConfig } from '../config/app-config';
import type { Tx } from '../database/transaction';
import { joinCommand } from './join-command';
import type { OpenedJoin } from './node.types';

const JOIN_TOKEN_PREFIX = 'fogj_';
const GOOD_FOR_HOURS = 24;

/** The tokens with which a machine becomes that of its node. Only their hashes are kept. */
@Injectable()
export class JoinTokens {
  constructor(private readonly config: AppConfig) {}

  /** Makes the first token of a node that was just inserted. */
  open(tx: Tx, nodeId: string): Promise<OpenedJoin> {
    return this.write(tx, nodeId, INSERT);
  }

  /** Makes another token in place of everything that the node knew of its machine, the id of its engine included. */
  async reopen(tx: Tx, nodeId: string): Promise<OpenedJoin> {
    await tx.query(`UPDATE nodes SET engine_id = NULL WHERE id = $1`, [nodeId]);
    return this.write(
      tx,
      nodeId,
      `${INSERT}
           ON CONFLICT (node_id) DO UPDATE
          SET join_token_hash = excluded.join_token_hash, join_expires_at = excluded.join_expires_at, identity = a.identity + 1,
              public_key = NULL, next_public_key = NULL, joined_at = NULL, machine = NULL, intruder = NULL`,
    );
  }

  /** For a node that is being removed: its machine is nobody's any more, and no link of it outlives this. */
  async forget(tx: Tx, nodeId: string): Promise<void> {
    await tx.query(`DELETE FROM node_agents WHERE node_id = $1`, [nodeId]);
  }

  private async write(tx: Tx, nodeId: string, statement: string): Promise<OpenedJoin> {
    const token = newSecretToken(JOIN_TOKEN_PREFIX);
    const [row] = await tx.query<{ expiresAt: Date }[]>(`${statement} RETURNING join_expires_at AS "expiresAt"`, [
      nodeId,
      hashToken(token),
    ]);
    if (!row) throw new Error(`The join token of node ${nodeId} was not written`);
    return { token, command: joinCommand(this.config, token), expiresAt: row.expiresAt };
  }
}

/** $1 node, $2 hash of the token. */
const INSERT = `
  INSERT INTO node_agents AS a (node_id, join_token_hash, join_expires_at)
  VALUES ($1, $2, clock_timestamp() + interval '${String(GOOD_FOR_HOURS)} hours')`;
