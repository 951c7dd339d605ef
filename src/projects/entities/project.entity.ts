import { Check, Column, Entity, ForeignKey, Index, PrimaryGeneratedColumn } from 'typeorm';

/** What owns deployments. The personal project of a user has the id of the user; a trigger makes it with the user. */
@Entity({ name: 'projects' })
@Index('uq_projects_name', ['name'], { unique: true, where: `deleted_at IS NULL` })
@Index('ix_projects_created_by', ['createdBy'])
@Check('ck_projects_name', `name = lower(name) AND name <> ''`)
@Check('ck_projects_personal', `personal_of IS NULL OR (personal_of = id AND deleted_at IS NULL)`)
@Check('ck_projects_quota', `jsonb_typeof(quota) = 'object'`)
export class Project {
  @PrimaryGeneratedColumn('uuid', { name: 'id', primaryKeyConstraintName: 'pk_projects' })
  id!: string;

  @Column({ name: 'name', type: 'text' })
  name!: string;

  @Column({ name: 'description', type: 'text', default: '' })
  description!: string;

  @ForeignKey('User', { name: 'fk_projects_personal', onDelete: 'CASCADE' })
  @Column({ name: 'personal_of', type: 'uuid', nullable: true })
  personalOf!: string | null;

  /** Counts the decisions about the project and its members. The ETag shows it. */
  @Column({ name: 'version', type: 'integer', default: 1 })
  version!: number;

  /** The limits that an administrator has set, by what is counted: an `OwnQuota`. What is absent is as configured. */
  @Column({ name: 'quota', type: 'jsonb', default: {} })
  quota!: Record<string, unknown>;

  @Column({ name: 'created_at', type: 'timestamptz', default: () => 'clock_timestamp()' })
  createdAt!: Date;

  @ForeignKey('User', { name: 'fk_projects_created_by' })
  @Column({ name: 'created_by', type: 'uuid', nullable: true })
  createdBy!: string | null;

  @Column({ name: 'updated_at', type: 'timestamptz', default: () => 'clock_timestamp()' })
  updatedAt!: Date;

  @Column({ name: 'deleted_at', type: 'timestamptz', nullable: true })
  deletedAt!: Date | null;
}
