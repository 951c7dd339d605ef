import { Check, Column, Entity, PrimaryColumn } from 'typeorm';

/** The one row about since when workers and database have been there together. */
@Entity({ name: 'router_watch' })
@Check('ck_router_watch_one', `id`)
export class RouterWatchRow {
  @PrimaryColumn({ name: 'id', type: 'boolean', default: true, primaryKeyConstraintName: 'pk_router_watch' })
  id!: boolean;

  /** When a worker last wrote here. */
  @Column({ name: 'beat_at', type: 'timestamptz', default: () => 'clock_timestamp()' })
  beatAt!: Date;

  /** Since when workers have written without a break. */
  @Column({ name: 'since', type: 'timestamptz', default: () => 'clock_timestamp()' })
  since!: Date;

  /** The last time at which that had gone on for so long that a router which was silent then was gone. */
  @Column({ name: 'sound_at', type: 'timestamptz', default: () => 'clock_timestamp()' })
  soundAt!: Date;
}
