import { Injectable } from '@nestjs/common';
import { Commands } from '../../commands/commands';
import type { RequestContext } from '../../common/request-context';
import { requireFound } from '../refusals';
import type { SubscriptionRecord } from '../subscription';
import { subscriptionEntry } from '../subscription-audit';
import { SubscriptionsRepository } from '../subscriptions.repository';
import { WebhookSecrets } from './webhook-secrets';
import { WebhookChannel } from './webhook.channel';

const OLD_SECRET_HOURS = 24;

/** A webhook with the secret that signs from now on. */
export interface Rotated {
  readonly record: SubscriptionRecord;
  readonly secret: string;
}

/** Gives a webhook a new secret. The old one signs beside it for a day, so that receivers can change over. */
@Injectable()
export class RotateSecretService {
  constructor(
    private readonly channel: WebhookChannel,
    private readonly commands: Commands,
    private readonly subscriptions: SubscriptionsRepository,
    private readonly secrets: WebhookSecrets,
  ) {}

  /** Throws `not_found`. */
  rotate(id: string, context: RequestContext): Promise<Rotated> {
    const ref = { channel: this.channel, id };
    return this.commands.run(context, async (tx) => {
      const { secretSealed } = requireFound(ref, await this.subscriptions.lock(tx, ref, context.actor.userId));
      const { shown, sealed } = this.secrets.issue(id);
      // An old secret that another key had encrypted is worth nothing, and would keep the new one from signing.
      const previous = secretSealed !== null && this.secrets.isReadable(secretSealed, id) ? secretSealed : null;
      const record = await this.subscriptions.replaceSecret(tx, id, { sealed, previous, previousHours: OLD_SECRET_HOURS });
      return { outcome: { record, secret: shown }, audit: subscriptionEntry(ref, 'rotate_secret') };
    });
  }
}
