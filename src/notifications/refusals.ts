import { DomainError } from '../common/problem/domain-error';
import type { SubscriptionRef } from './notification-channel';

/** The subscription that was asked for. Throws `not_found` when there is none. */
export function requireFound<T>({ channel, id }: SubscriptionRef, record: T | null): T {
  if (record === null) throw new DomainError('not_found', `${channel.noun} ${id} not found`);
  return record;
}
