import type { Answer } from '../../common/http/answer';
import type { Changed, Created } from '../subscriptions.service';
import type { Rotated } from './rotate-secret.service';
import { WebhookDto, WebhookWithSecretDto } from './webhook.dto';

/** A new webhook with its secret, which no other answer shows again. */
export const webhookCreatedAnswer = ({ record, secret }: Created<string>): Answer => ({
  status: 201,
  body: WebhookWithSecretDto.with(record, secret),
  location: `/api/notifications/webhooks/${record.id}`,
});

/** A webhook after a change. */
export const webhookAnswer = ({ record }: Changed): Answer => ({ status: 200, body: WebhookDto.from(record) });

/** A webhook with its new secret, which no other answer shows again. */
export const secretRotatedAnswer = ({ record, secret }: Rotated): Answer => ({
  status: 200,
  body: WebhookWithSecretDto.with(record, secret),
});
