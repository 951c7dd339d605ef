/** What its owner decides about a subscription. */
export interface SubscriptionSettings {
  /** Where it leads; null: to the e-mail address of its owner's account. */
  readonly url: string | null;
  readonly description: string;
  readonly eventTypes: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly enabled: boolean;
}

/** What an owner may change. What is absent stays. */
export type SubscriptionChange = Partial<SubscriptionSettings>;

/** A subscription as its owner sees it. */
export interface SubscriptionRecord extends SubscriptionSettings {
  readonly id: string;
  readonly userId: string;
  readonly disabledReason: string | null;
  readonly previousSecretUntil: Date | null;
  readonly failingSince: Date | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}
