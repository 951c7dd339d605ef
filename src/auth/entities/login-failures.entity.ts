import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** Wrong passwords in a row for one name, of a user or of nobody. Rows go a day after they have ended. */
@Entity({ name: 'login_failures' })
@Index('ix_login_failures_locked_until', ['lockedUntil'])
export class LoginFailuresRow {
  /** HMAC-SHA-256 of the name in lower case. */
  @PrimaryColumn({ name: 'name_hash', type: 'bytea', primaryKeyConstraintName: 'pk_login_failures' })
  nameHash!: Buffer;

  @Column({ type: 'integer' })
  failures!: number;

  /** The end of the last lock; the time of the last failure while it locked nothing. */
  @Column({ name: 'locked_until', type: 'timestamptz' })
  lockedUntil!: Date;
}
