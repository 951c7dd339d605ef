/** How much may be deleted in bulk within an hour before an administrator has to confirm. */
export interface BrakePolicy {
  /** A percentage of the deployments that were live at the beginning of the hour; 100 never brakes. */
  readonly sharePercent: number;
  /** This many are always allowed, because a percentage of a small fleet is too little. */
  readonly alwaysAllowed: number;
}

/** What the brake weighs, over the whole installation. */
export interface BrakeReading {
  readonly live: number;
  /** Deleted in bulk within the last hour, by operations that no administrator has confirmed. */
  readonly deletedLately: number;
  /** What an operation still wants to delete. */
  readonly wanted: number;
}

/** Why an operation must wait for a confirmation, in words; null: it may go on. */
export function brakeWords({ live, deletedLately, wanted }: BrakeReading, policy: BrakePolicy): string | null {
  const allowed = Math.max(policy.alwaysAllowed, Math.floor(((live + deletedLately) * policy.sharePercent) / 100));
  if (deletedLately + wanted <= allowed || policy.sharePercent === 100) return null;
  const lately = deletedLately > 0 ? ` after ${deletedLately} within the last hour` : '';
  return (
    `${wanted} of ${live} live deployments${lately} are more than bulk deletion may delete in an hour (${allowed}). ` +
    'An administrator has to confirm it.'
  );
}

/** The policy of this installation. */
export const brakePolicy = (config: {
  readonly BULK_DELETE_MAX_SHARE_PERCENT: number;
  readonly BULK_DELETE_ALWAYS_ALLOWED: number;
}): BrakePolicy => ({ sharePercent: config.BULK_DELETE_MAX_SHARE_PERCENT, alwaysAllowed: config.BULK_DELETE_ALWAYS_ALLOWED });
