import { whole } from '../variables';

/** How much may be deleted at once, and how long what was deleted or recorded is kept. */
export class RetentionConfig {
  /** The percentage of the live deployments of one owner that may be deleted in bulk within an hour without an administrator; 100: all. */
  @whole(0, 100)
  readonly BULK_DELETE_MAX_SHARE_PERCENT: number = 20;

  /** How many of one owner may always be deleted in bulk within an hour, however few there are. */
  @whole(0, 1_000_000)
  readonly BULK_DELETE_ALWAYS_ALLOWED: number = 10;

  /** The same percentage over the deployments of all owners. Far above that of one, so that no owner can use it up alone. */
  @whole(0, 100)
  readonly BULK_DELETE_FLEET_MAX_SHARE_PERCENT: number = 50;

  /** How many of all owners together may always be deleted in bulk within an hour. */
  @whole(0, 1_000_000)
  readonly BULK_DELETE_FLEET_ALWAYS_ALLOWED: number = 100;

  /**
   * How many days a deleted deployment is kept when no policy says otherwise. At least one, so that an empty value
   * never means "now".
   */
  @whole(1, 36_500)
  readonly RETENTION_DAYS: number = 30;

  /** The background purge waits once it has purged this many deployments within an hour; 0: no limit. */
  @whole(0, 1_000_000)
  readonly PURGE_MAX_PER_HOUR: number = 1_000;

  /** How many days audit rows are kept, at least one. The log itself records what was removed. */
  @whole(1, 36_500)
  readonly AUDIT_RETENTION_DAYS: number = 365;

  /**
   * When the clock of the database moves by more hours than this without so much time having passed, nothing is removed by
   * age until an administrator confirms the time.
   */
  @whole(1, 87_600)
  readonly CLOCK_STEP_MAX_HOURS: number = 1;

  /** How many days events stay in the feed. Longer than deliveries are tried. */
  @whole(4, 3_650)
  readonly EVENTS_RETENTION_DAYS: number = 30;
}
