import { Check, Column, Entity, Index, PrimaryGeneratedColumn } from 'typeorm';
import type { OrphanFacts } from '../orphan.types';

/**
 * A container of ours that no replica stands for, a replica whose container is missing, or routes of a deployment that is gone. No
 * foreign keys: it may name a deployment that this database has never known.
 */
@Entity({ name: 'orphans' })
@Index('uq_orphans_open', ['kind', 'subject'], { unique: true, where: `ended_at IS NULL` })
@Index('ix_orphans_node', ['nodeId'], { where: `ended_at IS NULL` })
@Check('ck_orphans_kind', `kind IN ('container','replica','route')`)
@Check('ck_orphans_state', `state IN ('found','reaping','reaped','adopted')`)
@Check('ck_orphans_ended', `(state IN ('reaped','adopted')) = (ended_at IS NOT NULL)`)
export class Orphan {
  @PrimaryGeneratedColumn('uuid', { name: 'id', primaryKeyConstraintName: 'pk_orphans' })
  id!: string;

  @Column({ name: 'kind', type: 'text' })
  kind!: string;

  /** The id of the container, of the replica, or of the deployment that had the routes. */
  @Column({ name: 'subject', type: 'text' })
  subject!: string;

  @Column({ name: 'node_id', type: 'uuid', nullable: true })
  nodeId!: string | null;

  /** Which engine answered for the node when it was seen last. */
  @Column({ name: 'engine_id', type: 'text', nullable: true })
  engineId!: string | null;

  @Column({ name: 'deployment_id', type: 'uuid', nullable: true })
  deploymentId!: string | null;

  @Column({ name: 'replica_id', type: 'uuid', nullable: true })
  replicaId!: string | null;

  @Column({ name: 'facts', type: 'jsonb', default: {} })
  facts!: OrphanFacts;

  @Column({ name: 'state', type: 'text', default: 'found' })
  state!: string;

  /** Adds one whenever it is seen to be another than before, and with every decision about it. */
  @Column({ name: 'version', type: 'integer', default: 1 })
  version!: number;

  @Column({ name: 'sightings', type: 'integer', default: 1 })
  sightings!: number;

  @Column({ name: 'first_seen_at', type: 'timestamptz', default: () => 'clock_timestamp()' })
  firstSeenAt!: Date;

  @Column({ name: 'last_seen_at', type: 'timestamptz', default: () => 'clock_timestamp()' })
  lastSeenAt!: Date;

  @Column({ name: 'decided_at', type: 'timestamptz', nullable: true })
  decidedAt!: Date | null;

  @Column({ name: 'decided_by', type: 'uuid', nullable: true })
  decidedBy!: string | null;

  /** How often its removal was asked for in vain, and why it failed last. */
  @Column({ name: 'attempts', type: 'integer', default: 0 })
  attempts!: number;

  @Column({ name: 'last_error', type: 'text', nullable: true })
  lastError!: string | null;

  @Column({ name: 'ended_at', type: 'timestamptz', nullable: true })
  endedAt!: Date | null;
}
