import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/**
 * What is left of a purged deployment: its id, so that a container of it which turns up late is removed instead of being
 * taken for a stranger's, and the time, which the brake of the purge counts. Kept for ever.
 */
@Entity({ name: 'purged_deployments' })
@Index('ix_purged_deployments_purged', ['purgedAt'])
export class PurgedDeployment {
  @PrimaryColumn({ name: 'deployment_id', type: 'uuid', primaryKeyConstraintName: 'pk_purged_deployments' })
  deploymentId!: string;

  @Column({ name: 'purged_at', type: 'timestamptz', default: () => 'now()' })
  purgedAt!: Date;
}
