import { Check, Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';

/** A way from one revision to the next, numbered from 1 in each deployment. At most one of a deployment is open. */
@Entity({ name: 'deployment_rollouts' })
@Index('uq_deployment_rollouts_open', ['deploymentId'], { unique: true, where: `finished_at IS NULL` })
@Check('ck_deployment_rollouts_number', `number >= 1`)
@Check('ck_deployment_rollouts_state', `state IN ('progressing','paused','completed','failed','rolled_back','superseded')`)
@Check(
  'ck_deployment_rollouts_finished',
  `CASE WHEN state IN ('progressing','paused') THEN finished_at IS NULL
        WHEN state IN ('completed','superseded') THEN finished_at IS NOT NULL ELSE true END`,
)
@ForeignKey('Revision', ['deploymentId', 'revision'], ['deploymentId', 'number'], {
  name: 'fk_deployment_rollouts_revision',
  onDelete: 'RESTRICT',
})
export class Rollout {
  @PrimaryColumn({ name: 'deployment_id', type: 'uuid', primaryKeyConstraintName: 'pk_deployment_rollouts' })
  deploymentId!: string;

  @PrimaryColumn({ name: 'number', type: 'integer', primaryKeyConstraintName: 'pk_deployment_rollouts' })
  number!: number;

  @Column({ name: 'revision', type: 'integer' })
  revision!: number;

  /** The revision that was current when it began; the same as `revision` for a restart. */
  @Column({ name: 'from_revision', type: 'integer' })
  fromRevision!: number;

  @Column({ name: 'state', type: 'text', default: 'progressing' })
  state!: string;

  /** Why it waits, or why it ended as it did, in words. */
  @Column({ name: 'reason', type: 'text', nullable: true })
  reason!: string | null;

  /** The most new replicas that were available at a time: more of them is progress. */
  @Column({ name: 'healthy_replicas', type: 'integer', default: 0 })
  healthyReplicas!: number;

  @Column({ name: 'started_at', type: 'timestamptz', default: () => 'clock_timestamp()' })
  startedAt!: Date;

  /** Null means the control plane itself. */
  @ForeignKey('User', { name: 'fk_deployment_rollouts_user', onDelete: 'RESTRICT' })
  @Column({ name: 'started_by', type: 'uuid', nullable: true })
  startedBy!: string | null;

  /** When it ends by itself unless it makes progress; each progress moves it on. */
  @Column({ name: 'deadline_at', type: 'timestamptz' })
  deadlineAt!: Date;

  /** When the last replica was told to leave. One that failed is open until the replicas of before are back. */
  @Column({ name: 'finished_at', type: 'timestamptz', nullable: true })
  finishedAt!: Date | null;
}
