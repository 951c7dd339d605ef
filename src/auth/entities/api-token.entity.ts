import { Check, Column, Entity, ForeignKey, Index, PrimaryGeneratedColumn, Unique } from 'typeorm';

/** A named token of a machine. The token itself is shown once and stored as a hash only. */
@Entity({ name: 'api_tokens' })
@Unique('uq_api_tokens_hash', ['tokenHash'])
@Index('ix_api_tokens_user', ['userId'])
@Check('ck_api_tokens_name', `char_length(name) BETWEEN 1 AND 100`)
@Check(
  'ck_api_tokens_binding',
  `(project_id IS NULL) = (project_role IS NULL) AND coalesce(project_role, 'viewer') IN ('viewer','deployer','maintainer')`,
)
@Index('ix_api_tokens_project', ['projectId'], { where: `project_id IS NOT NULL` })
export class ApiToken {
  @PrimaryGeneratedColumn('uuid', { primaryKeyConstraintName: 'pk_api_tokens' })
  id!: string;

  @Column({ name: 'user_id', type: 'uuid' })
  @ForeignKey('User', { name: 'fk_api_tokens_user', onDelete: 'CASCADE' })
  userId!: string;

  @Column({ type: 'text' })
  name!: string;

  /** SHA-256 in hexadecimal. */
  @Column({ name: 'token_hash', type: 'text' })
  tokenHash!: string;

  /** The first characters of the token, to recognise it by. */
  @Column({ type: 'text' })
  prefix!: string;

  @Column({ name: 'read_only', type: 'boolean', default: false })
  readOnly!: boolean;

  /** The one project in which it acts; null: wherever its user may. */
  @ForeignKey('Project', { name: 'fk_api_tokens_project', onDelete: 'CASCADE' })
  @Column({ name: 'project_id', type: 'uuid', nullable: true })
  projectId!: string | null;

  /** Its role there at most. */
  @Column({ name: 'project_role', type: 'text', nullable: true })
  projectRole!: string | null;

  @Column({ name: 'created_at', type: 'timestamptz', default: () => 'now()' })
  createdAt!: Date;

  @Column({ name: 'expires_at', type: 'timestamptz' })
  expiresAt!: Date;

  /** Exact to a minute. */
  @Column({ name: 'last_used_at', type: 'timestamptz', nullable: true })
  lastUsedAt!: Date | null;

  @Column({ name: 'revoked_at', type: 'timestamptz', nullable: true })
  revokedAt!: Date | null;
}
