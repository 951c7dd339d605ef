import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/**
 * Wrong passwords in a row for one name, whether there is such a user or not. A row is removed a day after its last
 * lock or failure.
 */
@Entity({ name: 'login_failures' })
@Index('ix_login_failures_locked_until', ['lockedUntil'])
export class LoginFailuresRow {
  /** HMAC-SHA-256 of the name in lower case, with the address behind it where that is known for the name. */
  @PrimaryColumn({ name: 'name_hash', type: 'bytea', primaryKeyConstraintName: 'pk_login_failures' })
  nameHash!: Buffer;

  @Column({ type: 'integer' })
  failures!: number;

  /** The end of the last lock. As long as no failure has locked the name, the time of the last failure. */
  @Column({ name: 'locked_until', type: 'timestamptz' })
  lockedUntil!: Date;
}
