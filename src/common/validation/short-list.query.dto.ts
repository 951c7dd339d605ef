import { ApiPropertyOptional } from '@nestjs/swagger';
import { Optional, QueryInteger } from './fields';
import { OffsetPageQueryDto } from './offset-page.query.dto';

/** Of a list that has a hundred entries at most: whoever asks for no page gets the whole. */
export class ShortListQueryDto extends OffsetPageQueryDto {
  @ApiPropertyOptional({ default: 100, minimum: 1, maximum: 100, type: 'integer' })
  @Optional()
  @QueryInteger({ min: 1, max: 100 })
  override limit: number = 100;
}
