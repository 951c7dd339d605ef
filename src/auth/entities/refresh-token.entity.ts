import { Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';

/** The hash of a refresh token. Used ones are kept for a while, so that their reuse is noticed. */
@Entity({ name: 'refresh_tokens' })
@Index('ix_refresh_tokens_session', ['sessionId'])
@Index('ix_refresh_tokens_used', ['usedAt'], { where: 'used_at IS NOT NULL' })
export class RefreshToken {
  /** SHA-256 in hexadecimal. */
  @PrimaryColumn({ name: 'token_hash', type: 'text', primaryKeyConstraintName: 'pk_refresh_tokens' })
  tokenHash!: string;

  @Column({ name: 'session_id', type: 'uuid' })
  @ForeignKey('Session', { name: 'fk_refresh_tokens_session', onDelete: 'CASCADE' })
  sessionId!: string;

  @Column({ name: 'created_at', type: 'timestamptz', default: () => 'now()' })
  createdAt!: Date;

  @Column({ name: 'used_at', type: 'timestamptz', nullable: true })
  usedAt!: Date | null;
}
