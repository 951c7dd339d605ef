import type { Answer } from '../../common/http/answer';
import type { SubscriptionRecord } from '../subscription';
import type { Created } from '../subscriptions.service';
import type { Rotated } from './rotate-secret.service';
import { WebhookDto, WebhookWithSecretDto } from './webhook.dto';

export const webhookCreatedAnswer = ({ record, secret }: Created<string>): Answer => ({
  status: 201,
  body: WebhookWithSecretDto.with(record, secret),
  location: `/api/notifications/webhooks/${record.id}`,
});

export const webhookAnswer = (record: SubscriptionRecord): Answer => ({ status: 200, body: WebhookDto.from(record) });

/** The secret is shown in this answer, and never again. */
export const secretRotatedAnswer = ({ record, secret }: Rotated): Answer => ({
  status: 200,
  body: WebhookWithSecretDto.with(record, secret),
});
