import { Check, Column, Entity, ForeignKey, Index, PrimaryGeneratedColumn, Unique } from 'typeorm';

/** One event on its way to one subscription, with its result. It is removed with its event. */
@Entity({ name: 'deliveries' })
@Unique('uq_deliveries_event', ['event', 'subscriptionId'])
@Index('ix_deliveries_log', ['subscriptionId', 'position'])
@Index('ix_deliveries_pending', ['subscriptionId', 'position'], { where: `state = 'pending'` })
@Check('ck_deliveries_state', `state IN ('pending','delivered','dead')`)
@Check('ck_deliveries_next', `(state = 'pending') = (next_attempt_at IS NOT NULL)`)
@Check('ck_deliveries_finished', `(state = 'pending') = (finished_at IS NULL)`)
export class Delivery {
  @PrimaryGeneratedColumn('uuid', { name: 'id', primaryKeyConstraintName: 'pk_deliveries' })
  id!: string;

  @ForeignKey('Subscription', { name: 'fk_deliveries_subscription', onDelete: 'CASCADE' })
  @Column({ name: 'subscription_id', type: 'uuid' })
  subscriptionId!: string;

  @ForeignKey('FogEvent', { name: 'fk_deliveries_event', onDelete: 'CASCADE' })
  @Column({ name: 'event', type: 'bigint' })
  event!: string;

  /** The event's place in the feed: the order in which a subscription is told. */
  @Column({ name: 'position', type: 'bigint' })
  position!: string;

  @Column({ name: 'state', type: 'text', default: 'pending' })
  state!: string;

  @Column({ name: 'attempts', type: 'integer', default: 0 })
  attempts!: number;

  @Column({ name: 'next_attempt_at', type: 'timestamptz', nullable: true, default: () => 'now()' })
  nextAttemptAt!: Date | null;

  @Column({ name: 'give_up_at', type: 'timestamptz' })
  giveUpAt!: Date;

  @Column({ name: 'last_attempt_at', type: 'timestamptz', nullable: true })
  lastAttemptAt!: Date | null;

  @Column({ name: 'response_status', type: 'integer', nullable: true })
  responseStatus!: number | null;

  /** Why the last attempt failed, in words. */
  @Column({ name: 'error', type: 'text', nullable: true })
  error!: string | null;

  @Column({ name: 'created_at', type: 'timestamptz', default: () => 'now()' })
  createdAt!: Date;

  @Column({ name: 'finished_at', type: 'timestamptz', nullable: true })
  finishedAt!: Date | null;
}
