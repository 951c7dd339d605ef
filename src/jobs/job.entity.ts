import { Column, Entity, Index, PrimaryGeneratedColumn, Unique } from 'typeorm';

/** A job: at most one row per kind and key. A row with `failingSince` is shown as stuck. */
@Entity({ name: 'jobs' })
@Unique('uq_jobs_key', ['kind', 'key'])
@Index('ix_jobs_due', ['dueAt'])
@Index('ix_jobs_turn', ['kind', 'turn', 'dueAt'], { where: `turn IS NOT NULL` })
@Index('ix_jobs_owner_turn', ['kind', 'owner', 'turn'], { where: `turn IS NOT NULL` })
@Index('ix_jobs_without_turn', ['kind', 'dueAt'], { where: `turn IS NULL` })
export class Job {
  @PrimaryGeneratedColumn('identity', { name: 'id', type: 'bigint', generatedIdentity: 'ALWAYS', primaryKeyConstraintName: 'pk_jobs' })
  id!: string;

  @Column({ name: 'kind', type: 'text' })
  kind!: string;

  @Column({ name: 'key', type: 'text' })
  key!: string;

  /** Counts the wishes; a worker that finds the count changed after its run runs the job again. */
  @Column({ name: 'wishes', type: 'bigint', default: 1 })
  wishes!: string;

  @Column({ name: 'due_at', type: 'timestamptz', default: () => 'now()' })
  dueAt!: Date;

  @Column({ name: 'attempts', type: 'integer', default: 0 })
  attempts!: number;

  @Column({ name: 'last_error', type: 'text', nullable: true })
  lastError!: string | null;

  @Column({ name: 'failing_since', type: 'timestamptz', nullable: true })
  failingSince!: Date | null;

  @Column({ name: 'claim', type: 'uuid', nullable: true })
  claim!: string | null;

  @Column({ name: 'claimed_by', type: 'text', nullable: true })
  claimedBy!: string | null;

  @Column({ name: 'lease_until', type: 'timestamptz', nullable: true })
  leaseUntil!: Date | null;

  /** Whose work it is; null when it is nobody's, or not known yet. */
  @Column({ name: 'owner', type: 'uuid', nullable: true })
  owner!: string | null;

  /** When it is its owner's turn, in rounds. Null while the job is not due, and while a worker has it. A trigger sets it. */
  @Column({ name: 'turn', type: 'bigint', nullable: true })
  turn!: string | null;

  @Column({ name: 'created_at', type: 'timestamptz', default: () => 'now()' })
  createdAt!: Date;
}
