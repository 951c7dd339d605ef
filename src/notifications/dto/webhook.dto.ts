import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsBoolean } from 'class-validator';
import { Optional, TextField } from '../../common/validation/fields';
import { EVENT_TYPES } from '../../events/event-types';
import type { SubscriptionChange, SubscriptionRecord } from '../subscriptions.repository';
import { DescriptionField, EventTypesField, LabelSelectorField } from './subscription.fields';

const URL_RULE = { description: 'A public https address', example: 'https://hooks.example.org/fog', maxLength: 2_048 };

export class CreateWebhookDto {
  @ApiProperty(URL_RULE)
  @TextField({ max: 2_048 })
  url!: string;

  @DescriptionField()
  description: string = '';

  @EventTypesField()
  event_types: string[] = [];

  @LabelSelectorField()
  labels: Record<string, string> = {};

  @ApiPropertyOptional({ default: true })
  @Optional()
  @IsBoolean()
  enabled: boolean = true;
}

/** What is absent stays as it is. */
export class ChangeWebhookDto {
  @ApiPropertyOptional(URL_RULE)
  @Optional()
  @TextField({ max: 2_048 })
  url?: string;

  @DescriptionField()
  description?: string;

  @EventTypesField()
  event_types?: string[];

  @LabelSelectorField()
  labels?: Record<string, string>;

  @ApiPropertyOptional({ description: 'true also forgives earlier failures' })
  @Optional()
  @IsBoolean()
  enabled?: boolean;

  toChange(): SubscriptionChange {
    const { url, description, event_types: eventTypes, labels, enabled } = this;
    return { url, description, eventTypes, labels, enabled };
  }
}

export class WebhookDto {
  @ApiProperty({ format: 'uuid' })
  id!: string;

  @ApiProperty({ example: 'https://hooks.example.org/fog' })
  url!: string;

  @ApiProperty()
  description!: string;

  @ApiProperty({ enum: Object.keys(EVENT_TYPES), isArray: true, description: 'None: all types' })
  event_types!: string[];

  @ApiProperty({ type: 'object', additionalProperties: { type: 'string' } })
  labels!: Record<string, string>;

  @ApiProperty()
  enabled!: boolean;

  @ApiProperty({ type: String, nullable: true, description: 'Why the server switched it off, in words' })
  disabled_reason!: string | null;

  @ApiProperty({ type: String, format: 'date-time', nullable: true, description: 'Nothing has arrived since' })
  failing_since!: string | null;

  @ApiProperty({
    type: String,
    format: 'date-time',
    nullable: true,
    description: 'Until then the secret before the last rotation signs too',
  })
  previous_secret_until!: string | null;

  @ApiProperty({ format: 'date-time' })
  created_at!: string;

  @ApiProperty({ format: 'date-time' })
  updated_at!: string;

  static from(record: SubscriptionRecord): WebhookDto {
    return Object.assign(new WebhookDto(), {
      id: record.id,
      url: record.url ?? '',
      description: record.description,
      event_types: record.eventTypes,
      labels: record.labels,
      enabled: record.enabled,
      disabled_reason: record.disabledReason,
      failing_since: record.failingSince?.toISOString() ?? null,
      previous_secret_until: record.previousSecretUntil?.toISOString() ?? null,
      created_at: record.createdAt.toISOString(),
      updated_at: record.updatedAt.toISOString(),
    });
  }
}

export class WebhookWithSecretDto extends WebhookDto {
  @ApiProperty({ description: 'What the signatures are made with. It is shown here and never again.', example: 'whsec_…' })
  secret!: string;

  static with(record: SubscriptionRecord, secret: string): WebhookWithSecretDto {
    return Object.assign(new WebhookWithSecretDto(), WebhookDto.from(record), { secret });
  }
}
