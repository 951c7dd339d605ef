import type { Answer } from '../common/http/answer';
import type { DeliveryRecord } from './delivery-log.repository';
import { DeliveryDto } from './dto/delivery.dto';

/** A delivery that is sent once more. */
export const redeliverAnswer = (delivery: DeliveryRecord): Answer => ({ status: 202, body: DeliveryDto.from(delivery) });
