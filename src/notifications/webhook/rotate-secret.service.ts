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

/** A webhook with its new secret. */
export interface Rotated {
  readonly record: SubscriptionRecord;
  readonly secret: string;
}

/** Gives a webhook a new secret. For a day messages are signed with the old one as well, so that receivers can change over. */
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
      // An old secret that was encrypted with another key cannot sign, and would stop the new one from signing.
      const previous = secretSealed !== null && this.secrets.isReadable(secretSealed, id) ? secretSealed : null;
      const record = await this.subscriptions.replaceSecret(tx, id, { sealed, previous, previousHours: OLD_SECRET_HOURS });
      return { outcome: { record, secret: shown }, audit: subscriptionEntry(ref, 'rotate_secret') };
    });
  }
}
