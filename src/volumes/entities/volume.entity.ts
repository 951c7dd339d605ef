import { Check, Column, Entity, ForeignKey, Index, PrimaryGeneratedColumn } from 'typeorm';

/**
 * A volume of a project. A trigger counts its size in `reserved_storage_gb` of its node from the moment it is bound to it until its
 * row goes, and lets it neither move nor grow.
 */
@Entity({ name: 'volumes' })
@Index('uq_volumes_name', ['projectId', 'name'], { unique: true, where: `removing_since IS NULL` })
@Index('ix_volumes_project', ['projectId'])
@Index('ix_volumes_user', ['userId'])
@Index('ix_volumes_node', ['nodeId'])
@Index('ix_volumes_removing', ['removingSince'], { where: `removing_since IS NOT NULL` })
@Check('ck_volumes_size', `size_gb >= 1`)
@Check('ck_volumes_made', `made_at IS NULL OR node_id IS NOT NULL`)
export class Volume {
  /** Engines know it by this. */
  @PrimaryGeneratedColumn('uuid', { name: 'id', primaryKeyConstraintName: 'pk_volumes' })
  id!: string;

  @ForeignKey('Project', { name: 'fk_volumes_project', onDelete: 'RESTRICT' })
  @Column({ name: 'project_id', type: 'uuid' })
  projectId!: string;

  @Column({ name: 'name', type: 'text' })
  name!: string;

  @Column({ name: 'size_gb', type: 'integer' })
  sizeGb!: number;

  /** Whose deployment made it, in whose quota it counts. */
  @ForeignKey('User', { name: 'fk_volumes_user', onDelete: 'RESTRICT' })
  @Column({ name: 'user_id', type: 'uuid' })
  userId!: string;

  /** Null until a replica that mounts it is placed for the first time. */
  @ForeignKey('FogNode', { name: 'fk_volumes_node', onDelete: 'RESTRICT' })
  @Column({ name: 'node_id', type: 'uuid', nullable: true })
  nodeId!: string | null;

  @Column({ name: 'created_at', type: 'timestamptz', default: () => 'clock_timestamp()' })
  createdAt!: Date;

  /** When a replica was first started with it: from then on its engine has it. */
  @Column({ name: 'made_at', type: 'timestamptz', nullable: true })
  madeAt!: Date | null;

  /** Since when its engine is asked to remove it. The row goes when the engine has confirmed that it is gone. */
  @Column({ name: 'removing_since', type: 'timestamptz', nullable: true })
  removingSince!: Date | null;
}
