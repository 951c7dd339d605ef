import { Injectable, Logger } from '@nestjs/common';
import type { Details } from '../../audit/bounded-details';
import { Clock } from '../../common/clock';
import { DomainError } from '../../common/problem/domain-error';
import type { CloudEvent } from '../../events/cloud-event';
import { NotificationChannel, type ChannelTarget, type IssuedSecret } from '../notification-channel';
import type { Sent } from '../../common/sent';
import type { SubscriptionChange, SubscriptionRecord } from '../subscription';
import { UserPlaces } from '../user-places';
import { WebhookSecrets } from './webhook-secrets';
import { WebhookSender } from './webhook-sender';
import { hasName, TargetRefused, TargetUnknown, WebhookTargets } from './webhook-targets';

/** How many names of one user may be looked up at a time. */
const CHECKS_AT_A_TIME = 4;
const CHECK_AGAIN_SECONDS = 3;

/** Sends events by HTTP, signed as Standard Webhooks says. */
@Injectable()
export class WebhookChannel extends NotificationChannel<string> {
  readonly kind = 'webhook';
  readonly noun = 'Webhook';
  readonly mostPerUser = 20;
  readonly mostAnHour = null;
  readonly tellsOfDisabled = false;
  readonly confirmation = null;
  private readonly logger = new Logger(WebhookChannel.name);
  private readonly checks = new UserPlaces(CHECKS_AT_A_TIME);

  constructor(
    private readonly targets: WebhookTargets,
    private readonly secrets: WebhookSecrets,
    private readonly sender: WebhookSender,
    private readonly clock: Clock,
  ) {
    super();
  }

  /** Every server can send webhooks. */
  requireAvailable(): void {
    return;
  }

  async checkTarget({ url }: Pick<SubscriptionChange, 'url'>, userId: string): Promise<void> {
    if (url == null) return;
    try {
      // Only names need the resolver, so a URL with an address needs no place.
      if (hasName(this.targets.read(url))) await this.lookUp(url, userId);
    } catch (error) {
      if (error instanceof TargetUnknown) throw new DomainError('try_again', error.message, { retryAfterSeconds: CHECK_AGAIN_SECONDS });
      if (!(error instanceof TargetRefused)) throw error;
      throw new DomainError('validation_failed', `${error.message}.`, { errors: [{ pointer: '/url', detail: error.message }] });
    }
  }

  issueSecret(subscriptionId: string): IssuedSecret<string> {
    return this.secrets.issue(subscriptionId);
  }

  /** Only the origin, because path and query often hold a token. */
  visibleTarget({ url }: SubscriptionRecord): Details {
    return url === null ? {} : { url: new URL(url).origin };
  }

  async send(target: ChannelTarget, event: CloudEvent, signal: AbortSignal): Promise<Sent> {
    let secrets: string[];
    try {
      secrets = this.secrets.open(target);
    } catch (error) {
      this.logger.error(`The secret of webhook ${target.id} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
      return { ok: false, status: null, words: 'The secret of this webhook cannot be read; rotate it' };
    }
    const timestamp = Math.floor(this.clock.now().getTime() / 1000);
    return this.sender.send({ url: target.url ?? '', id: event.id, timestamp, body: JSON.stringify(event), secrets }, signal);
  }

  private async lookUp(url: string, userId: string): Promise<void> {
    if (!this.checks.enter(userId))
      throw new DomainError('rate_limited', 'Too many addresses of yours are being checked', { retryAfterSeconds: CHECK_AGAIN_SECONDS });
    try {
      await this.targets.check(url);
    } finally {
      this.checks.leave(userId);
    }
  }
}
