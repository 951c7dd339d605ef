import { Check, Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';

/** A group of the outside identity provider, whose users have this role in a project. */
@Entity({ name: 'project_groups' })
@Index('ix_project_groups_group', ['groupName'])
@Check('ck_project_groups_role', `role IN ('viewer','deployer','maintainer')`)
export class ProjectGroup {
  @ForeignKey('Project', { name: 'fk_project_groups_project', onDelete: 'CASCADE' })
  @PrimaryColumn({ name: 'project_id', type: 'uuid', primaryKeyConstraintName: 'pk_project_groups' })
  projectId!: string;

  @PrimaryColumn({ name: 'group_name', type: 'text', primaryKeyConstraintName: 'pk_project_groups' })
  groupName!: string;

  @Column({ name: 'role', type: 'text' })
  role!: string;

  @Column({ name: 'added_at', type: 'timestamptz', default: () => 'clock_timestamp()' })
  addedAt!: Date;
}
