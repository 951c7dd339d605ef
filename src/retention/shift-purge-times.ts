import { retentionFor, type RetentionPolicy, type RetentionSubject } from './retention-policy';

/** A deleted deployment, with the policies that concern it before the change. */
export interface DeletedDeployment extends RetentionSubject {
  readonly id: string;
  readonly deletedAt: Date;
  readonly purgeAt: Date;
  readonly policies: readonly RetentionPolicy[];
}

/** `days` null: the policy is removed. */
export interface PolicyChange extends Pick<RetentionPolicy, 'selector' | 'value'> {
  readonly days: number | null;
}

export interface ShiftedPurge {
  readonly id: string;
  readonly purgeAt: Date;
  readonly words: string;
  readonly direction: 'later' | 'sooner';
  /** The retention by the new policy is over already, so only the notice delays the purge. */
  readonly afterNotice: boolean;
}

const HOUR_MS = 3_600_000;
/** After an administrator has shortened a policy, no data is purged sooner than after this time. */
export const NOTICE_MS = 24 * HOUR_MS;

/**
 * The purge times that move when a change of a policy is applied to deleted deployments. A later time is taken as it
 * is. An earlier time is never less than NOTICE_MS from now, unless the purge was that close before.
 */
export function shiftPurgeTimes(
  deployments: readonly DeletedDeployment[],
  change: PolicyChange,
  { defaultDays, now }: { defaultDays: number; now: Date },
): ShiftedPurge[] {
  return deployments.flatMap((deployment) => {
    const { days, words } = retentionFor(applied(deployment.policies, change), deployment, defaultDays);
    const wanted = deployment.deletedAt.getTime() + days * 24 * HOUR_MS;
    const was = deployment.purgeAt.getTime();
    const earliest = Math.min(was, now.getTime() + NOTICE_MS);
    const purgeAt = Math.max(wanted, earliest);
    if (purgeAt === was) return [];
    return [
      {
        id: deployment.id,
        purgeAt: new Date(purgeAt),
        words,
        direction: purgeAt > was ? ('later' as const) : ('sooner' as const),
        afterNotice: wanted < earliest,
      },
    ];
  });
}

function applied(policies: readonly RetentionPolicy[], { selector, value, days }: PolicyChange): RetentionPolicy[] {
  const others = policies.filter((policy) => policy.selector !== selector || policy.value !== value);
  return days === null ? others : [...others, { selector, value, days }];
}
