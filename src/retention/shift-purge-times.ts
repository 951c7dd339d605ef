import { retentionFor, type RetentionPolicy, type RetentionSubject } from './retention-policy';

/** A deployment that is deleted already, with the policies that concern it before the change. */
export interface DeletedDeployment extends RetentionSubject {
  readonly id: string;
  readonly deletedAt: Date;
  readonly purgeAt: Date;
  readonly policies: readonly RetentionPolicy[];
}

/** `days` null: the policy goes. */
export interface PolicyChange extends Pick<RetentionPolicy, 'selector' | 'value'> {
  readonly days: number | null;
}

export interface ShiftedPurge {
  readonly id: string;
  readonly purgeAt: Date;
  readonly words: string;
  readonly direction: 'later' | 'sooner';
  /** Already over by the new policy: only the time of notice still holds the purge back. */
  readonly afterNotice: boolean;
}

const HOUR_MS = 3_600_000;
/** Nobody's data goes sooner than so long after an administrator has shortened a policy. */
export const NOTICE_MS = 24 * HOUR_MS;

/**
 * What a change of a policy means for deployments that are deleted already, when it is applied to them: the purge times that
 * move. Later is taken as it is; sooner never lies within NOTICE_MS from now, unless it was that close before.
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
