import type { Answer } from '../common/http/answer';
import { WebhookDto, WebhookWithSecretDto } from './dto/webhook.dto';
import type { Created, Rotated } from './subscriptions.service';
import type { SubscriptionRecord } from './subscriptions.repository';

export const webhookCreatedAnswer = ({ record, secret }: Created): Answer => ({
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
