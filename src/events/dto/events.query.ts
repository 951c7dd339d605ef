import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsUUID } from 'class-validator';
import { Optional, QueryFlag, QueryInteger, TextField } from '../../common/validation/fields';

export class FeedQueryDto {
  @ApiPropertyOptional({
    description: 'Only events behind this position; `latest`: only those to come. Default: from the oldest that is kept.',
    example: '0',
  })
  @Optional()
  @TextField({ max: 15, pattern: /^(\d+|latest)$/, hint: 'be a position or the word latest' })
  after?: string;

  @ApiPropertyOptional({ description: 'Events in one answer', default: 100, minimum: 1, maximum: 1_000, type: 'integer' })
  @Optional()
  @QueryInteger({ min: 1, max: 1_000 })
  limit: number = 100;

  @ApiPropertyOptional({ description: 'Comma-separated types, such as `fog.deployment.deleted,fog.deployment.restored`' })
  @Optional()
  @TextField({ max: 2_000 })
  types?: string;

  @ApiPropertyOptional({
    description: 'Seconds to wait for an event when there is none',
    default: 0,
    minimum: 0,
    maximum: 30,
    type: 'integer',
  })
  @Optional()
  @QueryInteger({ min: 0, max: 30 })
  wait: number = 0;
}

export class EventsQueryDto extends FeedQueryDto {
  @ApiPropertyOptional({ format: 'uuid' })
  @Optional()
  @IsUUID('all', { message: 'deployment_id must be a UUID' })
  deployment_id?: string;

  @ApiPropertyOptional({ description: 'Administrators: the events of all users', default: false, type: Boolean })
  @Optional()
  @QueryFlag()
  all_users: boolean = false;
}
