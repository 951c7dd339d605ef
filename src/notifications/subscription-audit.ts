import type { AuditEntry } from '../audit/audit';
import type { Details } from '../audit/bounded-details';
import type { NotificationChannel, SubscriptionRef } from './notification-channel';
import type { SubscriptionRecord } from './subscription';

/** The entry of the audit log for a subscription to which something was done, such as `webhook.create`. */
export const subscriptionEntry = ({ channel, id }: SubscriptionRef, verb: string): AuditEntry => ({
  action: `${channel.kind}.${verb}`,
  resourceType: channel.kind,
  resourceId: id,
});

/** What the audit log shows of a subscription. */
export const visible = (channel: NotificationChannel, record: SubscriptionRecord): Details => ({
  ...channel.visibleTarget(record),
  event_types: [...record.eventTypes],
  labels: { ...record.labels },
  enabled: record.enabled,
});
