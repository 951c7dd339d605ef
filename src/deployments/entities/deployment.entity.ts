import { Check, Column, DeleteDateColumn, Entity, ForeignKey, Index, PrimaryGeneratedColumn } from 'typeorm';

/**
 * What a user wants, except for the spec of the containers, which is in Revision. What runs is in Replica; the reconciler makes
 * the two agree.
 */
@Entity({ name: 'deployments' })
@Index('uq_deployments_live_name', ['projectId', 'name'], { unique: true, where: `deleted_at IS NULL` })
@Index('ix_deployments_project_created', ['projectId', 'createdAt', 'id'])
@Index('ix_deployments_user_created', ['userId', 'createdAt', 'id'])
@Index('ix_deployments_unsettled', ['id'], { where: `status IN ('pending','scheduled')` })
@Index('ix_deployments_labels', { synchronize: false })
@Index('ix_deployments_purge', ['purgeAt', 'id'], { where: `purge_at IS NOT NULL` })
@Check('ck_deployments_name', `char_length(name) BETWEEN 1 AND 100`)
@Check('ck_deployments_type', `type IN ('compute','storage','gateway','mixnode')`)
@Check('ck_deployments_target', `target_replicas >= 1`)
@Check('ck_deployments_strategy', `placement_strategy IN ('spread','distinct','binpack')`)
@Check('ck_deployments_status', `status IN ('pending','scheduled','running','stopped','failed','deleted')`)
@Check('ck_deployments_deleted', `(status = 'deleted') = (deleted_at IS NOT NULL)`)
@Check('ck_deployments_purge', `purge_at IS NULL OR deleted_at IS NOT NULL`)
export class Deployment {
  @PrimaryGeneratedColumn('uuid', { name: 'id', primaryKeyConstraintName: 'pk_deployments' })
  id!: string;

  @ForeignKey('User', { name: 'fk_deployments_user', onDelete: 'RESTRICT' })
  @Column({ name: 'user_id', type: 'uuid', update: false })
  userId!: string;

  /** What owns it and decides who may see and change it. Inserted without one it goes to the personal project of the user. */
  @ForeignKey('Project', { name: 'fk_deployments_project', onDelete: 'RESTRICT' })
  @Column({ name: 'project_id', type: 'uuid' })
  projectId!: string;

  @Column({ name: 'name', type: 'text' })
  name!: string;

  @Column({ name: 'type', type: 'text' })
  type!: string;

  @Column({ name: 'target_replicas', type: 'integer' })
  targetReplicas!: number;

  @Column({ name: 'region', type: 'text' })
  region!: string;

  @Column({ name: 'placement_strategy', type: 'text', default: 'spread' })
  placementStrategy!: string;

  @Column({ name: 'labels', type: 'jsonb', default: {} })
  labels!: Record<string, string>;

  /** What its spec and labels weigh in the quota of the owner. Deployments from before it was counted weigh nothing. */
  @Column({ name: 'stored_bytes', type: 'integer', default: 0 })
  storedBytes!: number;

  /** Written only through the repository's transition under the row's lock, never by `save`. */
  @Column({ name: 'status', type: 'text', default: 'pending' })
  status!: string;

  /** Start, retry and restore add one; replicas of earlier generations no longer count. */
  @Column({ name: 'generation', type: 'integer', default: 1 })
  generation!: number;

  /** The number of the revision that was last rolled out whole. While a rollout is open, its own revision is another one. */
  @Column({ name: 'current_revision', type: 'integer', default: 1 })
  currentRevision!: number;

  /** The number of the rollout that brought the current revision; 0 when there was none yet. */
  @Column({ name: 'current_rollout', type: 'integer', default: 0 })
  currentRollout!: number;

  /** The number of the rollout that is open. It stands in this row because its lock decides about rollouts too. */
  @Column({ name: 'open_rollout', type: 'integer', nullable: true })
  openRollout!: number | null;

  /** A `RolloutPolicy`. What is missing has its default. */
  @Column({ name: 'rollout_policy', type: 'jsonb', default: {} })
  rolloutPolicy!: Record<string, unknown>;

  /** Counts the decisions about this row, so that a result from before one of them is refused. The ETag shows it. */
  @Column({ name: 'version', type: 'integer', default: 1 })
  version!: number;

  @Column({ name: 'created_at', type: 'timestamptz', default: () => 'now()' })
  createdAt!: Date;

  @Column({ name: 'updated_at', type: 'timestamptz', default: () => 'now()' })
  updatedAt!: Date;

  @DeleteDateColumn({ name: 'deleted_at', type: 'timestamptz' })
  deletedAt!: Date | null;

  /** When set, deletions are refused with this reason until the protection is lifted. */
  @Column({ name: 'protection_reason', type: 'text', nullable: true })
  protectionReason!: string | null;

  /** Set by an administrator: the deployment is neither deleted nor purged until the legal hold is lifted. */
  @Column({ name: 'legal_hold_reason', type: 'text', nullable: true })
  legalHoldReason!: string | null;

  /** Set when the deployment is deleted and not changed after that. Null while it lives. */
  @Column({ name: 'purge_at', type: 'timestamptz', nullable: true })
  purgeAt!: Date | null;
}
