import { Check, Column, Entity, ForeignKey, Index, PrimaryGeneratedColumn, Unique } from 'typeorm';

/** One deletion of a deployment: who asked for what, and how far it is. A deployment that was restored may have several. */
@Entity({ name: 'deletions' })
@Unique('uq_deletions_generation', ['deploymentId', 'generation'])
@Index('ix_deletions_open', ['decidedAt'], { where: `completed_at IS NULL` })
@Index('ix_deletions_operation', ['operationId', 'decidedAt'], { where: `operation_id IS NOT NULL` })
@Check('ck_deletions_grace', `grace_seconds BETWEEN 0 AND 300`)
export class Deletion {
  @PrimaryGeneratedColumn('uuid', { name: 'id', primaryKeyConstraintName: 'pk_deletions' })
  id!: string;

  @ForeignKey('Deployment', { name: 'fk_deletions_deployment', onDelete: 'RESTRICT' })
  @Column({ name: 'deployment_id', type: 'uuid' })
  deploymentId!: string;

  /** The deployment's generation when it was deleted. */
  @Column({ name: 'generation', type: 'integer' })
  generation!: number;

  /** Null means the control plane itself. */
  @ForeignKey('User', { name: 'fk_deletions_user', onDelete: 'RESTRICT' })
  @Column({ name: 'requested_by', type: 'uuid', nullable: true })
  requestedBy!: string | null;

  @Column({ name: 'request_id', type: 'text', nullable: true })
  requestId!: string | null;

  /** The bulk operation that the deletion belongs to. */
  @Column({ name: 'operation_id', type: 'uuid', nullable: true })
  operationId!: string | null;

  @Column({ name: 'grace_seconds', type: 'integer' })
  graceSeconds!: number;

  @Column({ name: 'force', type: 'boolean', default: false })
  force!: boolean;

  /** Until then the suspended containers and their reservations are kept for a restore. */
  @Column({ name: 'warm_until', type: 'timestamptz', nullable: true })
  warmUntil!: Date | null;

  /** The policy, in words, that set `purge_at` of the deployment. */
  @Column({ name: 'retention_policy', type: 'text' })
  retentionPolicy!: string;

  @Column({ name: 'decided_at', type: 'timestamptz' })
  decidedAt!: Date;

  /** When the last container was confirmed gone and the last reservation released. */
  @Column({ name: 'completed_at', type: 'timestamptz', nullable: true })
  completedAt!: Date | null;

  @Column({ name: 'restored_at', type: 'timestamptz', nullable: true })
  restoredAt!: Date | null;
}
