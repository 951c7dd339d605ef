import { Check, Column, Entity, ForeignKey, Index, PrimaryGeneratedColumn } from 'typeorm';

/**
 * Why replicas were placed where they were: candidates, parts of the scores, and the reason why each rejected node was
 * rejected.
 */
@Entity({ name: 'placements' })
@Index('ix_placements_deployment', ['deploymentId', 'createdAt'])
@Check('ck_placements_cause', `cause IN ('deploy','scale','replace','drain','restore','rollout')`)
export class Placement {
  @PrimaryGeneratedColumn('uuid', { name: 'id', primaryKeyConstraintName: 'pk_placements' })
  id!: string;

  @ForeignKey('Deployment', { name: 'fk_placements_deployment', onDelete: 'RESTRICT' })
  @Column({ name: 'deployment_id', type: 'uuid' })
  deploymentId!: string;

  @Column({ name: 'cause', type: 'text' })
  cause!: string;

  @Column({ name: 'explanation', type: 'jsonb' })
  explanation!: Record<string, unknown>;

  @Column({ name: 'created_at', type: 'timestamptz', default: () => 'clock_timestamp()' })
  createdAt!: Date;
}
