import { Check, Column, Entity, Index, PrimaryGeneratedColumn, Unique } from 'typeorm';

/** A person or program with an account. A user has a password, an outside identity (issuer and subject), or both. */
@Entity({ name: 'users' })
@Unique('uq_users_username', ['username'])
@Unique('uq_users_email', ['email'])
@Unique('uq_users_external', ['externalIssuer', 'externalSubject'])
@Index('ix_users_external_groups', { synchronize: false })
@Check('ck_users_username', `username = lower(username) AND char_length(username) BETWEEN 1 AND 100`)
@Check('ck_users_email', `email = lower(email)`)
@Check('ck_users_credentials', `password_hash IS NOT NULL OR external_subject IS NOT NULL`)
export class User {
  @PrimaryGeneratedColumn('uuid', { primaryKeyConstraintName: 'pk_users' })
  id!: string;

  @Column({ type: 'text' })
  username!: string;

  @Column({ type: 'text' })
  email!: string;

  @Column({ name: 'password_hash', type: 'text', nullable: true })
  passwordHash!: string | null;

  @Column({ name: 'external_issuer', type: 'text', nullable: true })
  externalIssuer!: string | null;

  @Column({ name: 'external_subject', type: 'text', nullable: true })
  externalSubject!: string | null;

  @Column({ name: 'is_active', type: 'boolean', default: true })
  isActive!: boolean;

  @Column({ name: 'is_admin', type: 'boolean', default: false })
  isAdmin!: boolean;

  @Column({ name: 'created_at', type: 'timestamptz', default: () => 'now()' })
  createdAt!: Date;

  @Column({ name: 'updated_at', type: 'timestamptz', default: () => 'now()' })
  updatedAt!: Date;

  /** The groups that the newest token of the outside identity provider named; null: none has named any. */
  @Column({ name: 'external_groups', type: 'text', array: true, nullable: true })
  externalGroups!: string[] | null;

  /** When that token was issued, in seconds since 1970. */
  @Column({ name: 'external_groups_at', type: 'double precision', nullable: true })
  externalGroupsAt!: number | null;
}
