import { ApiPropertyOptional } from '@nestjs/swagger';
import { Optional, QueryInteger } from './fields';

/** A page of a list, counted by offset. */
export class OffsetPageQueryDto {
  @ApiPropertyOptional({ default: 20, minimum: 1, maximum: 100, type: 'integer' })
  @Optional()
  @QueryInteger({ min: 1, max: 100 })
  limit: number = 20;

  @ApiPropertyOptional({ default: 0, minimum: 0, type: 'integer' })
  @Optional()
  @QueryInteger({ min: 0, max: 2_147_483_647 })
  offset: number = 0;
}
