import { Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';

/**
 * The health of a replica that has a health check, as far as its present run is known. Without a check, and before its container
 * first ran, there is no row.
 */
@Entity({ name: 'replica_checks' })
@Index('ix_replica_checks_deployment', ['deploymentId'])
export class ReplicaCheck {
  @ForeignKey('Replica', { name: 'fk_replica_checks_replica', onDelete: 'CASCADE' })
  @PrimaryColumn({ name: 'replica_id', type: 'uuid', primaryKeyConstraintName: 'pk_replica_checks' })
  replicaId!: string;

  @ForeignKey('Deployment', { name: 'fk_replica_checks_deployment', onDelete: 'CASCADE' })
  @Column({ name: 'deployment_id', type: 'uuid' })
  deploymentId!: string;

  /** The container, and when its run began by the clock of its engine: what is found out about one run says nothing of the next. */
  @Column({ name: 'run', type: 'text' })
  run!: string;

  /** What the prober needs to know; null where the engine itself checks. */
  @Column({ name: 'probe', type: 'jsonb', nullable: true })
  probe!: unknown;

  /** Null while it is not known. */
  @Column({ name: 'healthy', type: 'boolean', nullable: true })
  healthy!: boolean | null;

  @Column({ name: 'reason', type: 'text', nullable: true })
  reason!: string | null;

  /** When this run was first seen, by the clock of the database. */
  @Column({ name: 'seen_at', type: 'timestamptz', default: () => 'clock_timestamp()' })
  seenAt!: Date;
}
