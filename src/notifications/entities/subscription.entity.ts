import { Check, Column, Entity, ForeignKey, Index, PrimaryGeneratedColumn } from 'typeorm';

/** A user's order to be told of events: by a webhook or by e-mail to the address of the account. */
@Entity({ name: 'subscriptions' })
@Index('ix_subscriptions_user', ['userId', 'createdAt'])
@Check('ck_subscriptions_kind', `kind IN ('webhook','email')`)
@Check('ck_subscriptions_webhook', `(kind = 'webhook') = (url IS NOT NULL AND secret_sealed IS NOT NULL)`)
@Check('ck_subscriptions_disabled', `NOT enabled OR disabled_reason IS NULL`)
export class Subscription {
  @PrimaryGeneratedColumn('uuid', { name: 'id', primaryKeyConstraintName: 'pk_subscriptions' })
  id!: string;

  @ForeignKey('User', { name: 'fk_subscriptions_user', onDelete: 'CASCADE' })
  @Column({ name: 'user_id', type: 'uuid' })
  userId!: string;

  @Column({ name: 'kind', type: 'text' })
  kind!: string;

  @Column({ name: 'url', type: 'text', nullable: true })
  url!: string | null;

  @Column({ name: 'description', type: 'text', default: '' })
  description!: string;

  /** Empty: all types. */
  @Column({ name: 'event_types', type: 'text', array: true, default: '{}' })
  eventTypes!: string[];

  /** An event must carry all of them. */
  @Column({ name: 'labels', type: 'jsonb', default: {} })
  labels!: Record<string, string>;

  @Column({ name: 'enabled', type: 'boolean', default: true })
  enabled!: boolean;

  /** Why it was switched off, in words; null when it is on or its owner has switched it off. */
  @Column({ name: 'disabled_reason', type: 'text', nullable: true })
  disabledReason!: string | null;

  @Column({ name: 'secret_sealed', type: 'bytea', nullable: true })
  secretSealed!: Buffer | null;

  @Column({ name: 'previous_secret_sealed', type: 'bytea', nullable: true })
  previousSecretSealed!: Buffer | null;

  @Column({ name: 'previous_secret_until', type: 'timestamptz', nullable: true })
  previousSecretUntil!: Date | null;

  /** A counter. Every change adds one, so that a delivery under way notices the change. */
  @Column({ name: 'version', type: 'integer', default: 0 })
  version!: number;

  /** Failed attempts since the last one that succeeded. */
  @Column({ name: 'failures', type: 'integer', default: 0 })
  failures!: number;

  @Column({ name: 'failing_since', type: 'timestamptz', nullable: true })
  failingSince!: Date | null;

  /** Until then nothing is sent. */
  @Column({ name: 'retry_at', type: 'timestamptz', nullable: true })
  retryAt!: Date | null;

  @Column({ name: 'last_test_at', type: 'timestamptz', nullable: true })
  lastTestAt!: Date | null;

  @Column({ name: 'created_at', type: 'timestamptz', default: () => 'now()' })
  createdAt!: Date;

  @Column({ name: 'updated_at', type: 'timestamptz', default: () => 'now()' })
  updatedAt!: Date;
}
