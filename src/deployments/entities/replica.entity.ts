import { Check, Column, Entity, ForeignKey, Index, PrimaryGeneratedColumn } from 'typeorm';

/** One container of a deployment on one node. `stopped` and `failed` are final: a new container is a new replica. */
@Entity({ name: 'deployment_replicas' })
@Index('ix_deployment_replicas_status', ['deploymentId', 'status'])
@Index('ix_deployment_replicas_node', ['nodeId'], { where: `status IN ('pending','starting','running','stopping')` })
@Index('ix_deployment_replicas_paused', ['deploymentId'], { where: `paused_at IS NOT NULL` })
@Index('ix_deployment_replicas_unsettled', ['deploymentId'], {
  where: `status IN ('pending','starting','stopping') OR status = 'failed' AND superseded_at IS NULL`,
})
@Check('ck_deployment_replicas_status', `status IN ('pending','starting','running','stopping','stopped','failed')`)
@Check('ck_deployment_replicas_stopped', `(status = 'stopped') <= (stopped_at IS NOT NULL)`)
@ForeignKey('Revision', ['deploymentId', 'revision'], ['deploymentId', 'number'], {
  name: 'fk_deployment_replicas_revision',
  onDelete: 'RESTRICT',
})
export class Replica {
  @PrimaryGeneratedColumn('uuid', { name: 'id', primaryKeyConstraintName: 'pk_deployment_replicas' })
  id!: string;

  @Column({ name: 'deployment_id', type: 'uuid', update: false })
  deploymentId!: string;

  @ForeignKey('FogNode', { name: 'fk_deployment_replicas_node', onDelete: 'RESTRICT' })
  @Column({ name: 'node_id', type: 'uuid', update: false })
  nodeId!: string;

  /** A placement of the same deployment, purged with it. */
  @Column({ name: 'placement_id', type: 'uuid', nullable: true })
  placementId!: string | null;

  /** The revision that this replica runs. */
  @Column({ name: 'revision', type: 'integer', default: 1 })
  revision!: number;

  /** The number of the rollout that made this replica; 0 means none. */
  @Column({ name: 'rollout', type: 'integer', default: 0 })
  rollout!: number;

  /** The deployment's generation when the replica was placed. */
  @Column({ name: 'generation', type: 'integer' })
  generation!: number;

  @Column({ name: 'attempt', type: 'integer', default: 0 })
  attempt!: number;

  @Column({ name: 'status', type: 'text', default: 'pending' })
  status!: string;

  @Column({ name: 'reason', type: 'text', nullable: true })
  reason!: string | null;

  @Column({ name: 'container_id', type: 'text', nullable: true })
  containerId!: string | null;

  @Column({ name: 'published', type: 'jsonb', default: [] })
  published!: unknown[];

  @Column({ name: 'created_at', type: 'timestamptz', default: () => 'clock_timestamp()' })
  createdAt!: Date;

  @Column({ name: 'changed_at', type: 'timestamptz', default: () => 'clock_timestamp()' })
  changedAt!: Date;

  /** When the replica was recorded as running, by the clock of the database: for how long it ran is counted from here. */
  @Column({ name: 'running_at', type: 'timestamptz', nullable: true })
  runningAt!: Date | null;

  /**
   * When the container's present run began, by the clock of its engine: it tells one run from another, and is compared with
   * other times of that engine only.
   */
  @Column({ name: 'engine_started_at', type: 'timestamptz', nullable: true })
  engineStartedAt!: Date | null;

  /** Since when the container is paused on its engine by somebody else. */
  @Column({ name: 'paused_at', type: 'timestamptz', nullable: true })
  pausedAt!: Date | null;

  /** When the run began, for people: never in the future, and never before the replica was asked to start. */
  @Column({ name: 'started_at', type: 'timestamptz', nullable: true })
  startedAt!: Date | null;

  /** Set only when the engine has confirmed that the container is gone. */
  @Column({ name: 'stopped_at', type: 'timestamptz', nullable: true })
  stoppedAt!: Date | null;

  /** It failed because its engine or node failed, and not because of what it runs. */
  @Column({ name: 'failed_by_node', type: 'boolean', default: false })
  failedByNode!: boolean;

  /** When its container was seen to have ended well, where the restart policy wants no successor then. */
  @Column({ name: 'completed_at', type: 'timestamptz', nullable: true })
  completedAt!: Date | null;

  /** Another replica has replaced this one, which no longer counts towards health. */
  @Column({ name: 'superseded_at', type: 'timestamptz', nullable: true })
  supersededAt!: Date | null;

  /** Until then the container and the reservation of a stopping replica are kept, so that a restore can start it again. */
  @Column({ name: 'warm_until', type: 'timestamptz', nullable: true })
  warmUntil!: Date | null;

  /** When the engine confirmed that the suspended container no longer runs. */
  @Column({ name: 'suspended_at', type: 'timestamptz', nullable: true })
  suspendedAt!: Date | null;

  /** When the suspended run had begun, by the engine's clock. A restore starts the container again only after this run. */
  @Column({ name: 'suspended_run_at', type: 'timestamptz', nullable: true })
  suspendedRunAt!: Date | null;

  /**
   * When an administrator force-released the replica: its container is not confirmed gone, but it no longer holds a
   * reservation.
   */
  @Column({ name: 'force_released_at', type: 'timestamptz', nullable: true })
  forceReleasedAt!: Date | null;

  /** How many times, since the replica is stopping, the engine was asked to end its container and did not. */
  @Column({ name: 'stop_attempts', type: 'integer', default: 0 })
  stopAttempts!: number;

  /** Why the last of these attempts failed, in words. */
  @Column({ name: 'stop_error', type: 'text', nullable: true })
  stopError!: string | null;

  @Column({ name: 'stop_retry_at', type: 'timestamptz', nullable: true })
  stopRetryAt!: Date | null;
}
