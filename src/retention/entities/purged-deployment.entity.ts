import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/**
 * The id of a purged deployment. A container of it that is found later is removed instead of being taken for one of
 * another system. The time is for the brake of the purge, which counts the purges of the last hour. Kept for ever.
 */
@Entity({ name: 'purged_deployments' })
@Index('ix_purged_deployments_purged', ['purgedAt'])
export class PurgedDeployment {
  @PrimaryColumn({ name: 'deployment_id', type: 'uuid', primaryKeyConstraintName: 'pk_purged_deployments' })
  deploymentId!: string;

  @Column({ name: 'purged_at', type: 'timestamptz', default: () => 'now()' })
  purgedAt!: Date;
}
