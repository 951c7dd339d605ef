import { Check, Column, Entity, ForeignKey, PrimaryColumn, Unique } from 'typeorm';

/**
 * A user's one-time link, if one is open. One that is mailed, which anybody can ask for, does not take the place of one that an
 * administrator has made.
 */
@Entity({ name: 'password_links' })
@Unique('uq_password_links_token', ['tokenHash'])
@Check('ck_password_links_open', `(token_hash IS NULL) = (expires_at IS NULL)`)
export class PasswordLink {
  @ForeignKey('User', { name: 'fk_password_links_user', onDelete: 'CASCADE' })
  @PrimaryColumn({ name: 'user_id', type: 'uuid', primaryKeyConstraintName: 'pk_password_links' })
  userId!: string;

  @PrimaryColumn({ name: 'by_mail', type: 'boolean', primaryKeyConstraintName: 'pk_password_links' })
  byMail!: boolean;

  /** SHA-256 in hexadecimal. Null: no link is open. */
  @Column({ name: 'token_hash', type: 'text', nullable: true })
  tokenHash!: string | null;

  @Column({ name: 'expires_at', type: 'timestamptz', nullable: true })
  expiresAt!: Date | null;

  /** When the last one was mailed; null: none was. */
  @Column({ name: 'mailed_at', type: 'timestamptz', nullable: true })
  mailedAt!: Date | null;
}
