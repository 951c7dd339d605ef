import { ApiPropertyOptional } from '@nestjs/swagger';
import { Optional, QueryInteger } from '../../common/validation/fields';

const MAX_LIMIT = 100;
const MAX_OFFSET = 1_000_000_000;

/** A page of nodes, by name. */
export class ListNodesQuery {
  @ApiPropertyOptional({ type: 'integer', minimum: 1, maximum: MAX_LIMIT, default: 20 })
  @Optional()
  @QueryInteger({ min: 1, max: MAX_LIMIT })
  limit: number = 20;

  @ApiPropertyOptional({ type: 'integer', minimum: 0, maximum: MAX_OFFSET, default: 0 })
  @Optional()
  @QueryInteger({ min: 0, max: MAX_OFFSET })
  offset: number = 0;
}
