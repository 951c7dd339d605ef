import { ApiPropertyOptional } from '@nestjs/swagger';
import { Optional, QueryFlag, QueryInteger, TextField } from '../../common/validation/fields';

export class VisibilityQueryDto {
  @ApiPropertyOptional({ description: 'Also show what is deleted', default: false, type: Boolean })
  @Optional()
  @QueryFlag()
  include_deleted: boolean = false;
}

/** Paging by offset, or by the cursors of the `Link` header, which neither repeat nor skip a row while new ones are added. */
export class PageQueryDto extends VisibilityQueryDto {
  @ApiPropertyOptional({ default: 20, minimum: 1, maximum: 100, type: 'integer' })
  @Optional()
  @QueryInteger({ min: 1, max: 100 })
  limit: number = 20;

  @ApiPropertyOptional({ default: 0, minimum: 0, type: 'integer' })
  @Optional()
  @QueryInteger({ min: 0, max: 2_147_483_647 })
  offset: number = 0;

  @ApiPropertyOptional({ description: 'From the `Link` header of an earlier page; takes the place of `offset`', maxLength: 1000 })
  @Optional()
  @TextField({ max: 1000 })
  cursor?: string;
}
