import { Check, Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';
import type { Intruder, JoinedMachine } from '../node.types';

/** Who the machine behind a node of kind `agent` is, and how one may become it. */
@Entity({ name: 'node_agents' })
@Index('uq_node_agents_join_token', ['joinTokenHash'], { unique: true })
@Check('ck_node_agents_keys', `next_public_key IS NULL OR public_key IS NOT NULL`)
export class NodeAgent {
  @ForeignKey('FogNode', { name: 'fk_node_agents_node', onDelete: 'CASCADE' })
  @PrimaryColumn({ name: 'node_id', type: 'uuid', primaryKeyConstraintName: 'pk_node_agents' })
  nodeId!: string;

  /** Counts the join tokens: a new one ends the machine of before, and its link. */
  @Column({ name: 'identity', type: 'integer', default: 1 })
  identity!: number;

  /** Kept after its use, so that an answer that was lost is given again to the same key. */
  @Column({ name: 'join_token_hash', type: 'text', nullable: true })
  joinTokenHash!: string | null;

  @Column({ name: 'join_expires_at', type: 'timestamptz', nullable: true })
  joinExpiresAt!: Date | null;

  /** Raw Ed25519. Null: no machine has joined. */
  @Column({ name: 'public_key', type: 'bytea', nullable: true })
  publicKey!: Buffer | null;

  /** Takes the place of the other one when it is used for the first time. */
  @Column({ name: 'next_public_key', type: 'bytea', nullable: true })
  nextPublicKey!: Buffer | null;

  @Column({ name: 'joined_at', type: 'timestamptz', nullable: true })
  joinedAt!: Date | null;

  @Column({ name: 'machine', type: 'jsonb', nullable: true })
  machine!: JoinedMachine | null;

  /** Another machine that came with the same key last. */
  @Column({ name: 'intruder', type: 'jsonb', nullable: true })
  intruder!: Intruder | null;
}
