import { Check, Column, Entity, Generated, Index, PrimaryGeneratedColumn } from 'typeorm';

/**
 * One event, written in the transaction of the change that it reports. `id` is the order of writing. `position` is the
 * order of the feed; one publisher at a time gives it to committed events. Users do not see an event before it has a
 * position.
 */
@Entity({ name: 'events' })
@Index('ix_events_unpublished', ['id'], { where: `position IS NULL` })
@Index('uq_events_position', ['position'], { unique: true, where: `position IS NOT NULL` })
@Index('ix_events_user', ['userId', 'position'], { where: `position IS NOT NULL` })
@Check('ck_events_published', `(position IS NULL) = (published_at IS NULL)`)
export class FogEvent {
  @PrimaryGeneratedColumn('identity', { name: 'id', type: 'bigint', generatedIdentity: 'ALWAYS', primaryKeyConstraintName: 'pk_events' })
  id!: string;

  /** The id that subscribers see, as CloudEvents' `id` and as `webhook-id`. */
  @Generated('uuid')
  @Column({ name: 'event_id', type: 'uuid' })
  eventId!: string;

  @Column({ name: 'position', type: 'bigint', nullable: true })
  position!: string | null;

  @Column({ name: 'type', type: 'text' })
  type!: string;

  @Column({ name: 'user_id', type: 'uuid' })
  userId!: string;

  @Column({ name: 'deployment_id', type: 'uuid', nullable: true })
  deploymentId!: string | null;

  @Column({ name: 'labels', type: 'jsonb', default: {} })
  labels!: Record<string, string>;

  @Column({ name: 'data', type: 'jsonb' })
  data!: Record<string, unknown>;

  @Column({ name: 'occurred_at', type: 'timestamptz', default: () => 'clock_timestamp()' })
  occurredAt!: Date;

  @Column({ name: 'published_at', type: 'timestamptz', nullable: true })
  publishedAt!: Date | null;
}
