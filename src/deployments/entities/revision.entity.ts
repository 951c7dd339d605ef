import { Check, Column, Entity, ForeignKey, PrimaryColumn } from 'typeorm';

/** The spec of a deployment's containers: a copy that never changes, numbered from 1 in each deployment. */
@Entity({ name: 'deployment_revisions' })
@Check('ck_deployment_revisions_number', `number >= 1`)
export class Revision {
  @ForeignKey('Deployment', { name: 'fk_deployment_revisions_deployment', onDelete: 'RESTRICT' })
  @PrimaryColumn({ name: 'deployment_id', type: 'uuid', primaryKeyConstraintName: 'pk_deployment_revisions' })
  deploymentId!: string;

  @PrimaryColumn({ name: 'number', type: 'integer', primaryKeyConstraintName: 'pk_deployment_revisions' })
  number!: number;

  /** A `ContainerSpec`. The values of `env` are never returned, logged or put in events. */
  @Column({ name: 'spec', type: 'jsonb' })
  spec!: Record<string, unknown>;

  @Column({ name: 'created_at', type: 'timestamptz', default: () => 'clock_timestamp()' })
  createdAt!: Date;

  /** Null means the control plane itself. */
  @ForeignKey('User', { name: 'fk_deployment_revisions_user', onDelete: 'RESTRICT' })
  @Column({ name: 'created_by', type: 'uuid', nullable: true })
  createdBy!: string | null;
}
