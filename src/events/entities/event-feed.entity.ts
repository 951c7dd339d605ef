import { Check, Column, Entity, PrimaryColumn } from 'typeorm';

/**
 * One row, with the last position that was given and the last position whose event was removed. Publishers lock it, so
 * that they take turns.
 */
@Entity({ name: 'event_feed' })
@Check('ck_event_feed_single', `only_row`)
@Check('ck_event_feed_order', `purged_through <= last_position`)
export class EventFeedRow {
  @PrimaryColumn({ name: 'only_row', type: 'boolean', default: true, primaryKeyConstraintName: 'pk_event_feed' })
  onlyRow!: boolean;

  @Column({ name: 'last_position', type: 'bigint', default: 0 })
  lastPosition!: string;

  @Column({ name: 'purged_through', type: 'bigint', default: 0 })
  purgedThrough!: string;
}
