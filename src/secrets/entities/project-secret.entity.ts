import { Check, Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';

/** A secret of a project. Its value is never shown. */
@Entity({ name: 'project_secrets' })
@Index('ix_project_secrets_user', ['updatedBy'])
@Check('ck_project_secrets_version', `version >= 1`)
export class ProjectSecret {
  @ForeignKey('Project', { name: 'fk_project_secrets_project', onDelete: 'CASCADE' })
  @PrimaryColumn({ name: 'project_id', type: 'uuid', primaryKeyConstraintName: 'pk_project_secrets' })
  projectId!: string;

  @PrimaryColumn({ name: 'name', type: 'text', primaryKeyConstraintName: 'pk_project_secrets' })
  name!: string;

  /** Counts the values. */
  @Column({ name: 'version', type: 'integer', default: 1 })
  version!: number;

  /** The value, encrypted. */
  @Column({ name: 'sealed', type: 'bytea' })
  sealed!: Buffer;

  /** Of the value. */
  @Column({ name: 'bytes', type: 'integer' })
  bytes!: number;

  @Column({ name: 'created_at', type: 'timestamptz', default: () => 'clock_timestamp()' })
  createdAt!: Date;

  @Column({ name: 'updated_at', type: 'timestamptz', default: () => 'clock_timestamp()' })
  updatedAt!: Date;

  /** Who set the value, in whose quota it counts. */
  @ForeignKey('User', { name: 'fk_project_secrets_user' })
  @Column({ name: 'updated_by', type: 'uuid', nullable: true })
  updatedBy!: string | null;
}
