import { Check, Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';

/** What a node should have of one replica. No foreign key to replicas: an engine may show some that no record stands for. */
@Entity({ name: 'agent_orders' })
@Index('uq_agent_orders_version', ['nodeId', 'version'], { unique: true })
@Index('ix_agent_orders_deployment', ['deploymentId'], { where: `will <> 'absent'` })
@Check('ck_agent_orders_will', `will IN ('run','suspend','absent')`)
@Check('ck_agent_orders_spec', `will <> 'run' OR (spec IS NOT NULL AND deployment_id IS NOT NULL)`)
export class AgentOrder {
  @ForeignKey('NodeAgent', { name: 'fk_agent_orders_node_agent', onDelete: 'CASCADE' })
  @PrimaryColumn({ name: 'node_id', type: 'uuid', primaryKeyConstraintName: 'pk_agent_orders' })
  nodeId!: string;

  @PrimaryColumn({ name: 'replica_id', type: 'uuid', primaryKeyConstraintName: 'pk_agent_orders' })
  replicaId!: string;

  @Column({ name: 'deployment_id', type: 'uuid', nullable: true })
  deploymentId!: string | null;

  @Column({ name: 'version', type: 'bigint' })
  version!: string;

  @Column({ name: 'will', type: 'text' })
  will!: string;

  /** Encrypted, and bound to node and replica. Null once it is to be absent. */
  @Column({ name: 'spec', type: 'bytea', nullable: true })
  spec!: Buffer | null;

  /** Of the spec, to compare it without reading it. */
  @Column({ name: 'fingerprint', type: 'text', nullable: true })
  fingerprint!: string | null;

  @Column({ name: 'grace_seconds', type: 'integer' })
  graceSeconds!: number;

  @Column({ name: 'resume_run_at', type: 'timestamptz', nullable: true })
  resumeRunAt!: Date | null;

  @Column({ name: 'oci_runtime', type: 'text', nullable: true })
  ociRuntime!: string | null;

  /** A report has shown a workload that was made or changed by this version. */
  @Column({ name: 'acted', type: 'boolean', default: false })
  acted!: boolean;

  /** When a report said that the workload of this version is gone, and nothing of it is under way. */
  @Column({ name: 'ended_at', type: 'timestamptz', nullable: true })
  endedAt!: Date | null;
}
