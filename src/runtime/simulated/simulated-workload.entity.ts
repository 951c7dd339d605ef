import { Check, Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** What "runs" on a simulated engine. No foreign keys: an engine knows nothing of deployments and nodes. */
@Entity({ name: 'simulated_workloads' })
@Index('ix_simulated_workloads_deployment', ['deploymentId'])
@Index('ix_simulated_workloads_replica', ['replicaId'])
@Index('ix_simulated_workloads_ready', ['readyAt'])
@Index('ix_simulated_workloads_exits', ['exitsAt'], { where: `exits_at IS NOT NULL` })
@Index('ix_simulated_workloads_gone', ['goneAt'], { where: `gone_at IS NOT NULL` })
@Check('ck_simulated_workloads_exit', `(exits_at IS NULL) = (exit_code IS NULL)`)
@Check('ck_simulated_workloads_removal', `removal_ms >= 0`)
@Check('ck_simulated_workloads_log_every', `log_every_ms >= 1`)
export class SimulatedWorkload {
  @PrimaryColumn({ name: 'node_id', type: 'uuid', primaryKeyConstraintName: 'pk_simulated_workloads' })
  nodeId!: string;

  @PrimaryColumn({ name: 'replica_id', type: 'uuid', primaryKeyConstraintName: 'pk_simulated_workloads' })
  replicaId!: string;

  @Column({ name: 'deployment_id', type: 'uuid' })
  deploymentId!: string;

  @Column({ name: 'container_id', type: 'text' })
  containerId!: string;

  @Column({ name: 'generation', type: 'integer' })
  generation!: number;

  @Column({ name: 'image', type: 'text' })
  image!: string;

  /** What it is made of (`specDigest`); null for one from before this was noted. */
  @Column({ name: 'spec_digest', type: 'text', nullable: true })
  specDigest!: string | null;

  @Column({ name: 'ports', type: 'jsonb' })
  ports!: unknown[];

  @Column({ name: 'host_port', type: 'integer' })
  hostPort!: number;

  @Column({ name: 'log', type: 'text' })
  log!: string;

  @Column({ name: 'log_every_ms', type: 'integer', nullable: true })
  logEveryMs!: number | null;

  @Column({ name: 'unhealthy', type: 'boolean' })
  unhealthy!: boolean;

  @Column({ name: 'ignores_sigterm', type: 'boolean' })
  ignoresSigterm!: boolean;

  @Column({ name: 'removal_ms', type: 'integer' })
  removalMs!: number;

  @Column({ name: 'started_at', type: 'timestamptz' })
  startedAt!: Date;

  @Column({ name: 'ready_at', type: 'timestamptz' })
  readyAt!: Date;

  @Column({ name: 'exits_at', type: 'timestamptz', nullable: true })
  exitsAt!: Date | null;

  @Column({ name: 'exit_code', type: 'integer', nullable: true })
  exitCode!: number | null;

  @Column({ name: 'exit_reason', type: 'text', nullable: true })
  exitReason!: string | null;

  @Column({ name: 'gone_at', type: 'timestamptz', nullable: true })
  goneAt!: Date | null;
}
