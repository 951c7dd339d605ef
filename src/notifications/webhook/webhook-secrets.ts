import { Injectable } from '@nestjs/common';
import { SecretBox } from '../../common/crypto/secret-box';
import type { ChannelTarget, IssuedSecret } from '../notification-channel';
import { newWebhookSecret } from './signature';

/** The secrets that webhooks are signed with. In the database they are encrypted, and each opens in its own row only. */
@Injectable()
export class WebhookSecrets {
  constructor(private readonly box: SecretBox) {}

  issue(subscriptionId: string): IssuedSecret<string> {
    const shown = newWebhookSecret();
    return { shown, sealed: this.box.seal(shown, contextOf(subscriptionId)) };
  }

  /** The secret, and for a day after a rotation also the one before. Throws in words when one cannot be read. */
  open({ id, secretSealed, previousSecretSealed }: ChannelTarget): string[] {
    return [secretSealed, previousSecretSealed].flatMap((sealed) => (sealed === null ? [] : [this.box.open(sealed, contextOf(id))]));
  }

  isReadable(sealed: Buffer, subscriptionId: string): boolean {
    try {
      this.box.open(sealed, contextOf(subscriptionId));
      return true;
    } catch {
      return false;
    }
  }
}

/** The place that an encrypted secret is bound to. */
export const contextOf = (subscriptionId: string): string => `subscription ${subscriptionId}`;
