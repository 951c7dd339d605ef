import { Check, Column, Entity, ForeignKey, PrimaryColumn } from 'typeorm';

/** A running deployment that is not healthy, or has only just become so, and what its owner was told of that. */
@Entity({ name: 'deployment_troubles' })
@Check('ck_deployment_troubles_health', `health IN ('healthy','degraded','unhealthy')`)
@Check('ck_deployment_troubles_told', `told IN ('healthy','degraded','unhealthy')`)
export class DeploymentTrouble {
  @ForeignKey('Deployment', { name: 'fk_deployment_troubles_deployment', onDelete: 'RESTRICT' })
  @PrimaryColumn({ name: 'deployment_id', type: 'uuid', primaryKeyConstraintName: 'pk_deployment_troubles' })
  deploymentId!: string;

  /** A start, retry or restore begins anew: the row of an earlier generation counts no longer. */
  @Column({ name: 'generation', type: 'integer' })
  generation!: number;

  @Column({ name: 'health', type: 'text' })
  health!: string;

  @Column({ name: 'since', type: 'timestamptz' })
  since!: Date;

  @Column({ name: 'began_at', type: 'timestamptz' })
  beganAt!: Date;

  @Column({ name: 'told', type: 'text' })
  told!: string;
}
