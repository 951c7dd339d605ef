import type { Answer } from '../../common/http/answer';
import type { EmailSubscription } from './confirm-email.service';
import { EmailDto } from './email.dto';

/** A new e-mail subscription, and whether its address must be confirmed first. */
export const emailCreatedAnswer = ({ record, address }: EmailSubscription): Answer => ({
  status: 201,
  body: EmailDto.from(record, address),
  location: `/api/notifications/emails/${record.id}`,
});

/** An e-mail subscription after a change or a confirmation. */
export const emailAnswer = ({ record, address }: EmailSubscription): Answer => ({ status: 200, body: EmailDto.from(record, address) });
