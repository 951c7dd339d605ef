import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsBoolean } from 'class-validator';
import { Optional } from '../../common/validation/fields';
import { EVENT_TYPES } from '../../events/event-types';
import type { SubscriptionChange, SubscriptionRecord } from '../subscriptions.repository';
import { DescriptionField, EventTypesField, LabelSelectorField } from './subscription.fields';

/** There is no address in it: e-mails go to the account's own one, so nobody can be written to against his will. */
export class CreateEmailDto {
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
export class ChangeEmailDto {
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

export class EmailDto {
  @ApiProperty({ format: 'uuid' })
  id!: string;

  @ApiProperty({ example: 'ada@example.org', description: 'Where the e-mails go: the address of your account' })
  email!: string;

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

  @ApiProperty({ format: 'date-time' })
  created_at!: string;

  @ApiProperty({ format: 'date-time' })
  updated_at!: string;

  static from(record: SubscriptionRecord, email: string): EmailDto {
    return Object.assign(new EmailDto(), {
      id: record.id,
      email,
      description: record.description,
      event_types: record.eventTypes,
      labels: record.labels,
      enabled: record.enabled,
      disabled_reason: record.disabledReason,
      failing_since: record.failingSince?.toISOString() ?? null,
      created_at: record.createdAt.toISOString(),
      updated_at: record.updatedAt.toISOString(),
    });
  }
}
