/** How much may be deleted in bulk within an hour before an administrator has to confirm. */
interface BrakePolicy {
  /** A percentage of the deployments that were live at the beginning of the hour; 100 never brakes. */
  readonly sharePercent: number;
  /** This many are always allowed, because a percentage of few is too little. */
  readonly alwaysAllowed: number;
}

/** The brake of each owner, and that of the fleet. */
export interface BrakePolicies {
  readonly owner: BrakePolicy;
  readonly fleet: BrakePolicy;
}

/** What a brake weighs, of one owner or over the whole installation. */
export interface BrakeReading {
  readonly live: number;
  /** Deleted in bulk within the last hour, by operations that no administrator has confirmed. */
  readonly deletedLately: number;
  /** What an operation still wants to delete. */
  readonly wanted: number;
}

/** What the brakes weigh: of each owner whose deployments an operation wants to delete, and of the fleet. */
export interface BrakeReadings {
  readonly owners: readonly BrakeReading[];
  readonly fleet: BrakeReading;
}

/** Why an operation must wait for a confirmation. Numbers of the fleet, and of several owners, are for administrators only. */
export interface BrakeWords {
  readonly forUser: string;
  readonly forAdministrators: string;
}

const CONFIRM = 'An administrator has to confirm it.';
const FLEET_FOR_USERS = `So much is being deleted in bulk on this installation that nothing more may be for now. ${CONFIRM}`;

/** Null: the operation may go on. The brake of an owner speaks before that of the fleet. */
export function brakeWords({ owners, fleet }: BrakeReadings, policies: BrakePolicies): BrakeWords | null {
  const owner = owners.find((reading) => isBeyond(reading, policies.owner));
  if (owner) {
    const words = numbersOf(owner, policies.owner, owners.length === 1 ? 'live deployments' : 'live deployments of one owner');
    return { forUser: words, forAdministrators: words };
  }
  if (!isBeyond(fleet, policies.fleet)) return null;
  return { forUser: FLEET_FOR_USERS, forAdministrators: numbersOf(fleet, policies.fleet, 'live deployments of all owners') };
}

function isBeyond(reading: BrakeReading, policy: BrakePolicy): boolean {
  return policy.sharePercent < 100 && reading.wanted > 0 && reading.deletedLately + reading.wanted > allowedBy(reading, policy);
}

const allowedBy = ({ live, deletedLately }: BrakeReading, { sharePercent, alwaysAllowed }: BrakePolicy): number =>
  Math.max(alwaysAllowed, Math.floor(((live + deletedLately) * sharePercent) / 100));

function numbersOf(reading: BrakeReading, policy: BrakePolicy, what: string): string {
  const { live, deletedLately, wanted } = reading;
  const lately = deletedLately > 0 ? ` after ${deletedLately} within the last hour` : '';
  return `${wanted} of ${live} ${what}${lately} are more than bulk deletion may delete in an hour (${allowedBy(reading, policy)}). ${CONFIRM}`;
}

/** The policies of this installation. That of the fleet is at least as wide as that of an owner. */
export function brakePolicies(config: {
  readonly BULK_DELETE_MAX_SHARE_PERCENT: number;
  readonly BULK_DELETE_ALWAYS_ALLOWED: number;
  readonly BULK_DELETE_FLEET_MAX_SHARE_PERCENT: number;
  readonly BULK_DELETE_FLEET_ALWAYS_ALLOWED: number;
}): BrakePolicies {
  const owner = { sharePercent: config.BULK_DELETE_MAX_SHARE_PERCENT, alwaysAllowed: config.BULK_DELETE_ALWAYS_ALLOWED };
  const fleet = {
    sharePercent: Math.max(owner.sharePercent, config.BULK_DELETE_FLEET_MAX_SHARE_PERCENT),
    alwaysAllowed: Math.max(owner.alwaysAllowed, config.BULK_DELETE_FLEET_ALWAYS_ALLOWED),
  };
  return { owner, fleet };
}
