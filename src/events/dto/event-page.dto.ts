import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { toCloudEvent } from '../cloud-event';
import type { FeedPage } from '../event-feed.repository';
import { EventDataDto } from './event-data.dto';
import { EVENT_TYPES } from '../event-types';

export class CloudEventDto {
  @ApiProperty({ enum: ['1.0'] })
  specversion!: string;

  @ApiProperty({ format: 'uuid', description: 'The same in the feed, in webhooks (`webhook-id`) and in every repetition' })
  id!: string;

  @ApiProperty({ example: '/fog-compute' })
  source!: string;

  @ApiProperty({ enum: Object.keys(EVENT_TYPES) })
  type!: string;

  @ApiPropertyOptional({ description: 'The id of the deployment' })
  subject?: string;

  @ApiProperty({ format: 'date-time' })
  time!: string;

  @ApiProperty({ enum: ['application/json'] })
  datacontenttype!: string;

  @ApiProperty({ description: 'The position in the feed; sorts as text', example: '000000000000042' })
  sequence!: string;

  @ApiProperty({ type: () => EventDataDto })
  data!: EventDataDto;
}

export class EventPageDto {
  @ApiProperty({ type: () => [CloudEventDto], description: 'Oldest first' })
  events!: CloudEventDto[];

  @ApiProperty({ type: 'integer', format: 'int64', description: 'The `after` of the next request' })
  position!: number;

  @ApiProperty({ description: 'More are there already' })
  has_more!: boolean;

  static from({ events, position, hasMore }: FeedPage): EventPageDto {
    return { events: events.map(toCloudEvent), position, has_more: hasMore };
  }
}
