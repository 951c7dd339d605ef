import { Check, Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';

/** The spec of a deployment's containers: a copy that never changes, numbered from 1 in each deployment. */
@Entity({ name: 'deployment_revisions' })
@Check('ck_deployment_revisions_number', `number >= 1`)
@Index('ix_deployment_revisions_secrets', ['deploymentId', 'number'], { where: `spec ? 'secretVersions'` })
@Index('ix_deployment_revisions_volumes', ['deploymentId', 'number'], { where: `spec ? 'volumes'` })
@Index('ix_deployment_revisions_plain_env', ['deploymentId', 'number'], { where: `spec->'env' <> '{}'` })
export class Revision {
  @ForeignKey('Deployment', { name: 'fk_deployment_revisions_deployment', onDelete: 'RESTRICT' })
  @PrimaryColumn({ name: 'deployment_id', type: 'uuid', primaryKeyConstraintName: 'pk_deployment_revisions' })
  deploymentId!: string;

  @PrimaryColumn({ name: 'number', type: 'integer', primaryKeyConstraintName: 'pk_deployment_revisions' })
  number!: number;

  /**
   * A `ContainerSpec`, or empty once the revision is forgotten. Without the values of `env`, but in revisions that were made before these
   * were encrypted. They are never returned, logged or put in events.
   */
  @Column({ name: 'spec', type: 'jsonb' })
  spec!: Record<string, unknown>;

  /** The values of `env`, encrypted. */
  @Column({ name: 'env_sealed', type: 'bytea', nullable: true })
  envSealed!: Buffer | null;

  @Column({ name: 'created_at', type: 'timestamptz', default: () => 'clock_timestamp()' })
  createdAt!: Date;

  /** What made this revision, in words; null for the first one. */
  @Column({ name: 'reason', type: 'text', nullable: true })
  reason!: string | null;

  /** What its image reference meant when the first replica was started, where the engine tells it. All replicas run this image. */
  @Column({ name: 'image_digest', type: 'text', nullable: true })
  imageDigest!: string | null;

  /** Null means the control plane itself. */
  @ForeignKey('User', { name: 'fk_deployment_revisions_user', onDelete: 'RESTRICT' })
  @Column({ name: 'created_by', type: 'uuid', nullable: true })
  createdBy!: string | null;
}
