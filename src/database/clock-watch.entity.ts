import { Check, Column, Entity, PrimaryColumn } from 'typeorm';

/** The one row about the clock of the database. */
@Entity({ name: 'clock_watch' })
@Check('ck_clock_watch_one', `id`)
export class ClockWatchRow {
  @PrimaryColumn({ name: 'id', type: 'boolean', default: true, primaryKeyConstraintName: 'pk_clock_watch' })
  id!: boolean;

  @Column({ name: 'seen_at', type: 'timestamptz', default: () => 'clock_timestamp()' })
  seenAt!: Date;

  /** The start of the machine that looked last. */
  @Column({ name: 'boot', type: 'text', nullable: true })
  boot!: string | null;

  /** The seconds since that start when it looked. */
  @Column({ name: 'uptime_seconds', type: 'double precision', nullable: true })
  uptimeSeconds!: number | null;

  /** An unexplained step that nobody has confirmed. */
  @Column({ name: 'step_seconds', type: 'double precision', nullable: true })
  stepSeconds!: number | null;

  @Column({ name: 'stepped_at', type: 'timestamptz', nullable: true })
  steppedAt!: Date | null;
}
