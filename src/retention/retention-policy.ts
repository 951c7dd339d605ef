/** What a policy selects deployments by, the strongest first: a label beats the owner, the owner beats the type. */
export const RETENTION_SELECTORS = ['label', 'user', 'type'] as const;
export type RetentionSelector = (typeof RETENTION_SELECTORS)[number];

/** The limits of a retention. There is no zero: an empty or missing value never means "now". */
export const MIN_RETENTION_DAYS = 1;
export const MAX_RETENTION_DAYS = 36_500;

/** `value` is a user's id, `key=value` of a label, or a type of deployments. */
export interface RetentionPolicy {
  readonly selector: RetentionSelector;
  readonly value: string;
  readonly days: number;
}

/** The facts about a deployment that policies depend on. */
export interface RetentionSubject {
  readonly userId: string;
  readonly type: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface Retention {
  readonly days: number;
  /** The policy that decided, in words for people. It holds names and labels, no secrets. */
  readonly words: string;
}

/**
 * How long a deployment is kept after its deletion. The most specific policy decides; among several labels, the one
 * with the most days; without any policy, the default. Policies that do not concern the subject are ignored, so the
 * list may hold more than needed.
 */
export function retentionFor(policies: readonly RetentionPolicy[], subject: RetentionSubject, defaultDays: number): Retention {
  const [winner] = policies.filter((policy) => concerns(policy, subject)).sort(byStrength);
  if (!winner) return { days: defaultDays, words: `${daysInWords(defaultDays)}, the default` };
  return { days: winner.days, words: `${daysInWords(winner.days)}, by the policy for ${winner.selector} ${winner.value}` };
}

/** Whether a policy with this selector and value concerns the subject. */
export function concerns({ selector, value }: Pick<RetentionPolicy, 'selector' | 'value'>, subject: RetentionSubject): boolean {
  switch (selector) {
    case 'label':
      return Object.entries(subject.labels).some(([key, label]) => `${key}=${label}` === value);
    case 'user':
      return value === subject.userId;
    case 'type':
      return value === subject.type;
  }
}

/** Ties are broken by the value, so that the words do not depend on the order of rows. */
const byStrength = (a: RetentionPolicy, b: RetentionPolicy): number =>
  RETENTION_SELECTORS.indexOf(a.selector) - RETENTION_SELECTORS.indexOf(b.selector) || b.days - a.days || (a.value < b.value ? -1 : 1);

const daysInWords = (days: number): string => (days === 1 ? '1 day' : `${days} days`);
