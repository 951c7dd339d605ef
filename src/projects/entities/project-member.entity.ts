import { Check, Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';

/** A user in a project, with the role there. Owners are the only members of their personal projects. */
@Entity({ name: 'project_members' })
@Index('ix_project_members_user', ['userId', 'projectId'])
@Check('ck_project_members_role', `role IN ('viewer','deployer','maintainer')`)
@Check('ck_project_members_direct', `direct_role IN ('viewer','deployer','maintainer')`)
@Check('ck_project_members_group', `group_role IN ('viewer','deployer','maintainer')`)
export class ProjectMember {
  @ForeignKey('Project', { name: 'fk_project_members_project', onDelete: 'CASCADE' })
  @PrimaryColumn({ name: 'project_id', type: 'uuid', primaryKeyConstraintName: 'pk_project_members' })
  projectId!: string;

  @ForeignKey('User', { name: 'fk_project_members_user', onDelete: 'CASCADE' })
  @PrimaryColumn({ name: 'user_id', type: 'uuid', primaryKeyConstraintName: 'pk_project_members' })
  userId!: string;

  /** The one that counts: the stronger of the two that follow. */
  @Column({ name: 'role', type: 'text' })
  role!: string;

  @Column({ name: 'added_at', type: 'timestamptz', default: () => 'clock_timestamp()' })
  addedAt!: Date;

  /** Apart from groups. Where there is no role by a group, `role` is it, and this is null. */
  @Column({ name: 'direct_role', type: 'text', nullable: true })
  directRole!: string | null;

  /** By groups of the outside identity provider. */
  @Column({ name: 'group_role', type: 'text', nullable: true })
  groupRole!: string | null;
}
