import { Check, Column, Entity, ForeignKey, Index, PrimaryGeneratedColumn } from 'typeorm';

/**
 * Every status change of a deployment. Rows are only added; `id` gives their order, as it is taken under the deployment's lock.
 */
@Entity({ name: 'deployment_status_history' })
@Index('ix_deployment_status_history_changed', ['deploymentId', 'changedAt'])
@Index('ix_deployment_status_history_order', ['deploymentId', 'id'])
@Check(
  'ck_deployment_status_history_event',
  `event IS NULL OR (old_status = new_status AND event IN ('degraded','unhealthy','recovered','rollout_started','rolled_out','rolled_back','rollout_paused','healed'))`,
)
export class StatusHistory {
  @PrimaryGeneratedColumn('identity', {
    name: 'id',
    type: 'bigint',
    generatedIdentity: 'ALWAYS',
    primaryKeyConstraintName: 'pk_deployment_status_history',
  })
  id!: string;

  @ForeignKey('Deployment', { name: 'fk_deployment_status_history_deployment', onDelete: 'RESTRICT' })
  @Column({ name: 'deployment_id', type: 'uuid' })
  deploymentId!: string;

  @Column({ name: 'old_status', type: 'text' })
  oldStatus!: string;

  @Column({ name: 'new_status', type: 'text' })
  newStatus!: string;

  @Column({ name: 'reason', type: 'text' })
  reason!: string;

  /** Null means the control plane itself. */
  @ForeignKey('User', { name: 'fk_deployment_status_history_user', onDelete: 'RESTRICT' })
  @Column({ name: 'changed_by', type: 'uuid', nullable: true })
  changedBy!: string | null;

  @Column({ name: 'request_id', type: 'text', nullable: true })
  requestId!: string | null;

  /** The event that the row stands for when the status stayed; null: a change of the number of replicas. */
  @Column({ name: 'event', type: 'text', nullable: true })
  event!: string | null;

  @Column({ name: 'changed_at', type: 'timestamptz', default: () => 'clock_timestamp()' })
  changedAt!: Date;
}
