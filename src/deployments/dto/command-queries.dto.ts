import { ApiPropertyOptional } from '@nestjs/swagger';
import { Optional, QueryFlag, QueryInteger, TextField } from '../../common/validation/fields';

export class DeployQueryDto {
  @ApiPropertyOptional({ description: 'Only answer with the placement it would get; write nothing', default: false, type: Boolean })
  @Optional()
  @QueryFlag()
  dry_run: boolean = false;
}

export class DeleteQueryDto {
  @ApiPropertyOptional({ description: 'Seconds to wait for the teardown; default: grace + 5', minimum: 0, maximum: 60, type: 'integer' })
  @Optional()
  @QueryInteger({ min: 0, max: 60 })
  wait?: number;
}

export class VisibilityQueryDto {
  @ApiPropertyOptional({ description: 'Also show it when it is deleted', default: false, type: Boolean })
  @Optional()
  @QueryFlag()
  include_deleted: boolean = false;
}

export class HistoryQueryDto extends VisibilityQueryDto {
  @ApiPropertyOptional({ default: 20, minimum: 1, maximum: 100, type: 'integer' })
  @Optional()
  @QueryInteger({ min: 1, max: 100 })
  limit: number = 20;

  @ApiPropertyOptional({ default: 0, minimum: 0, type: 'integer' })
  @Optional()
  @QueryInteger({ min: 0, max: 2_147_483_647 })
  offset: number = 0;

  @ApiPropertyOptional({ description: 'From the `Link` header of an earlier page; takes the place of `offset`', maxLength: 100 })
  @Optional()
  @TextField({ max: 100 })
  cursor?: string;
}
