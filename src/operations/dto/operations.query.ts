import { ApiPropertyOptional } from '@nestjs/swagger';
import { Optional, QueryFlag, QueryInteger } from '../../common/validation/fields';

export class OperationsQueryDto {
  @ApiPropertyOptional({ default: 20, minimum: 1, maximum: 100, type: 'integer' })
  @Optional()
  @QueryInteger({ min: 1, max: 100 })
  limit: number = 20;

  @ApiPropertyOptional({ default: 0, minimum: 0, type: 'integer' })
  @Optional()
  @QueryInteger({ min: 0, max: 2_147_483_647 })
  offset: number = 0;

  @ApiPropertyOptional({ description: 'Administrators: the operations of all users', default: false, type: Boolean })
  @Optional()
  @QueryFlag()
  all_users: boolean = false;
}
