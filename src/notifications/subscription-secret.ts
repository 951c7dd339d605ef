/** The place that the encrypted secret of a subscription is bound to: it does not open in another row. */
export const secretContext = (subscriptionId: string): string => `subscription ${subscriptionId}`;
