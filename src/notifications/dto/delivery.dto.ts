import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Optional, QueryInteger, TextField } from '../../common/validation/fields';
import { DELIVERY_STATES, type DeliveryRecord, type DeliveryState } from '../delivery-log.repository';
import type { DeliveryPage } from '../delivery-log.service';

export class DeliveriesQueryDto {
  @ApiPropertyOptional({ default: 20, minimum: 1, maximum: 100, type: 'integer' })
  @Optional()
  @QueryInteger({ min: 1, max: 100 })
  limit: number = 20;

  @ApiPropertyOptional({ description: '`next_cursor` of an earlier page', maxLength: 100 })
  @Optional()
  @TextField({ max: 100 })
  cursor?: string;
}

export class DeliveryDto {
  @ApiProperty({ format: 'uuid' })
  id!: string;

  @ApiProperty({ format: 'uuid', description: '`id` of the event and `webhook-id` of the request' })
  event_id!: string;

  @ApiProperty({ example: 'fog.deployment.failed' })
  event_type!: string;

  @ApiProperty({ enum: DELIVERY_STATES, description: '`dead`: given up after days; ask for it again if you want it' })
  state!: DeliveryState;

  @ApiProperty({ type: 'integer', description: 'Since it was made, asked for again, or its target changed' })
  attempts!: number;

  @ApiProperty({ type: 'integer', nullable: true, description: 'The last answer, of HTTP or SMTP; null: there was none' })
  response_status!: number | null;

  @ApiProperty({ type: String, nullable: true, description: 'Why the last attempt failed, in words' })
  error!: string | null;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  last_attempt_at!: string | null;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  next_attempt_at!: string | null;

  @ApiProperty({ format: 'date-time' })
  created_at!: string;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  finished_at!: string | null;

  static from(record: DeliveryRecord): DeliveryDto {
    return Object.assign(new DeliveryDto(), {
      id: record.id,
      event_id: record.eventId,
      event_type: record.type,
      state: record.state,
      attempts: record.attempts,
      response_status: record.responseStatus,
      error: record.error,
      last_attempt_at: record.lastAttemptAt?.toISOString() ?? null,
      next_attempt_at: record.nextAttemptAt?.toISOString() ?? null,
      created_at: record.createdAt.toISOString(),
      finished_at: record.finishedAt?.toISOString() ?? null,
    });
  }
}

export class DeliveryPageDto {
  @ApiProperty({ type: () => [DeliveryDto], description: 'Newest first' })
  deliveries!: DeliveryDto[];

  @ApiProperty({ type: String, nullable: true, description: 'The `cursor` of the next page; null: this is the last' })
  next_cursor!: string | null;

  static from({ deliveries, next }: DeliveryPage): DeliveryPageDto {
    return { deliveries: deliveries.map((delivery) => DeliveryDto.from(delivery)), next_cursor: next };
  }
}
