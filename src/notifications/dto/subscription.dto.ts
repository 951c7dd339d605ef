import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsBoolean } from 'class-validator';
import { Optional } from '../../common/validation/fields';
import { EVENT_TYPES } from '../../events/event-types';
import type { SubscriptionChange, SubscriptionRecord, SubscriptionSettings } from '../subscription';
import { DescriptionField, EventTypesField, LabelSelectorField } from './subscription.fields';

/** The fields of a new subscription that all channels have. */
export class CreateSubscriptionDto {
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

  toSettings(): SubscriptionSettings {
    const { description, event_types: eventTypes, labels, enabled } = this;
    return { url: null, description, eventTypes, labels, enabled };
  }
}

/** What is absent stays as it is. */
export class ChangeSubscriptionDto {
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
    const { description, event_types: eventTypes, labels, enabled } = this;
    return { description, eventTypes, labels, enabled };
  }
}

/** What is shown of a subscription of any channel. Each channel adds where it leads. */
export class SubscriptionDto {
  @ApiProperty({ format: 'uuid' })
  id!: string;

  @ApiProperty()
  description!: string;

  @ApiProperty({ enum: Object.keys(EVENT_TYPES), isArray: true, description: 'None: all types' })
  event_types!: readonly string[];

  @ApiProperty({ type: 'object', additionalProperties: { type: 'string' } })
  labels!: Readonly<Record<string, string>>;

  @ApiProperty()
  enabled!: boolean;

  @ApiProperty({ type: String, nullable: true, description: 'Why the server switched it off, in words' })
  disabled_reason!: string | null;

  @ApiProperty({ type: String, format: 'date-time', nullable: true, description: 'Nothing has arrived since' })
  failing_since!: string | null;

  @ApiProperty({ format: 'date-time' })
  created_at!: string;

  @ApiProperty({ format: 'date-time' })
  updated_at!: string;

  static shared(record: SubscriptionRecord): SubscriptionDto {
    return {
      id: record.id,
      description: record.description,
      event_types: record.eventTypes,
      labels: record.labels,
      enabled: record.enabled,
      disabled_reason: record.disabledReason,
      failing_since: record.failingSince?.toISOString() ?? null,
      created_at: record.createdAt.toISOString(),
      updated_at: record.updatedAt.toISOString(),
    };
  }
}
