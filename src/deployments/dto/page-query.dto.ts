import { ApiPropertyOptional, IntersectionType } from '@nestjs/swagger';
import { Optional, QueryFlag, QueryInteger, TextField } from '../../common/validation/fields';
import { OffsetPageQueryDto } from '../../common/validation/offset-page.query.dto';

class VisibilityQueryDto {
  @ApiPropertyOptional({ description: 'Also show what is deleted', default: false, type: Boolean })
  @Optional()
  @QueryFlag()
  include_deleted: boolean = false;
}

export class StatusQueryDto extends VisibilityQueryDto {
  @ApiPropertyOptional({
    description: 'How many replicas of the past to show behind the current ones, the newest first',
    default: 10,
    minimum: 0,
    maximum: 1_000,
    type: 'integer',
  })
  @Optional()
  @QueryInteger({ min: 0, max: 1_000 })
  finished_replicas: number = 10;
}

/** Paging by offset, or by the cursors of the `Link` header, which neither repeat nor skip a row while new ones are added. */
export class PageQueryDto extends IntersectionType(VisibilityQueryDto, OffsetPageQueryDto) {
  @ApiPropertyOptional({ description: 'From the `Link` header of an earlier page; takes the place of `offset`', maxLength: 1000 })
  @Optional()
  @TextField({ max: 1000 })
  cursor?: string;
}
