import { Column, Entity, ForeignKey, Index, PrimaryGeneratedColumn } from 'typeorm';

/** The credential for a registry, of a project or of the installation. Its password is never shown. */
@Entity({ name: 'registries' })
@Index('uq_registries_project_name', ['projectId', 'name'], { unique: true, where: `project_id IS NOT NULL` })
@Index('uq_registries_shared_name', ['name'], { unique: true, where: `project_id IS NULL` })
export class Registry {
  @PrimaryGeneratedColumn('uuid', { name: 'id', primaryKeyConstraintName: 'pk_registries' })
  id!: string;

  /** Null: of the installation. */
  @ForeignKey('Project', { name: 'fk_registries_project', onDelete: 'CASCADE' })
  @Column({ name: 'project_id', type: 'uuid', nullable: true })
  projectId!: string | null;

  @Column({ name: 'name', type: 'text' })
  name!: string;

  /** `host[:port][/path]` */
  @Column({ name: 'server', type: 'text' })
  server!: string;

  @Column({ name: 'username', type: 'text' })
  username!: string;

  /** The password, encrypted. */
  @Column({ name: 'sealed', type: 'bytea' })
  sealed!: Buffer;

  /** Counts the changes. */
  @Column({ name: 'version', type: 'integer', default: 1 })
  version!: number;

  @Column({ name: 'created_at', type: 'timestamptz', default: () => 'clock_timestamp()' })
  createdAt!: Date;

  @Column({ name: 'updated_at', type: 'timestamptz', default: () => 'clock_timestamp()' })
  updatedAt!: Date;

  /** When it was last told that a pull with it had failed. */
  @Column({ name: 'failed_at', type: 'timestamptz', nullable: true })
  failedAt!: Date | null;

  @ForeignKey('User', { name: 'fk_registries_user' })
  @Column({ name: 'updated_by', type: 'uuid', nullable: true })
  updatedBy!: string | null;
}
