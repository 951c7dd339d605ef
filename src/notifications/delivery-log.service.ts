import { Injectable } from '@nestjs/common';
import { Commands } from '../commands/commands';
import { DomainError } from '../common/problem/domain-error';
import type { Actor, RequestContext } from '../common/request-context';
import { DeliveryLogRepository, type DeliveryRecord } from './delivery-log.repository';
import type { SubscriptionRef } from './notification-channel';
import { SubscriptionsService } from './subscriptions.service';

export interface DeliveryPage {
  readonly deliveries: readonly DeliveryRecord[];
  /** The cursor of the next page; null: this is the last. */
  readonly next: string | null;
}

const CURSOR = /^\d{1,15}$/;

/** The deliveries of a subscription, as its owner sees them. */
@Injectable()
export class DeliveryLogService {
  constructor(
    private readonly commands: Commands,
    private readonly subscriptions: SubscriptionsService,
    private readonly log: DeliveryLogRepository,
  ) {}

  async page(ref: SubscriptionRef, actor: Actor, query: { cursor?: string; limit: number }): Promise<DeliveryPage> {
    const before = query.cursor === undefined ? null : positionOf(query.cursor);
    await this.subscriptions.find(ref, actor);
    const rows = await this.log.page(ref.id, before, query.limit + 1);
    const deliveries = rows.slice(0, query.limit);
    const last = deliveries.at(-1);
    return { deliveries, next: rows.length > query.limit && last ? encode(last.position) : null };
  }

  /** Sends it once more, under the same id. Throws `conflict` when it is still pending or its subscription is switched off. */
  redeliver(id: string, context: RequestContext): Promise<DeliveryRecord> {
    return this.commands.run(context, async (tx) => {
      const delivery = await this.log.lock(tx, id, context.actor.userId);
      if (!delivery) throw new DomainError('not_found', `Delivery ${id} not found`);
      if (!delivery.isEnabled) throw new DomainError('conflict', 'Its subscription is switched off. Switch it on first.');
      if (delivery.state === 'pending') throw new DomainError('conflict', 'This delivery is under way already');
      const outcome = await this.log.sendAgain(tx, delivery);
      return {
        outcome,
        audit: { action: 'delivery.redeliver', resourceType: 'delivery', resourceId: id },
        jobs: [{ kind: 'notification.deliver', key: delivery.subscriptionId }],
      };
    });
  }
}

const encode = (position: number): string => Buffer.from(String(position)).toString('base64url');

function positionOf(cursor: string): number {
  const text = Buffer.from(cursor, 'base64url').toString('latin1');
  if (CURSOR.test(text)) return Number(text);
  const detail = 'Invalid cursor. Use the `next_cursor` of an earlier page';
  throw new DomainError('invalid_request', detail, { errors: [{ pointer: 'cursor', detail }] });
}
