import { ApiPropertyOptional } from '@nestjs/swagger';
import { Optional, QueryFlag } from '../../common/validation/fields';
import { OffsetPageQueryDto } from '../../common/validation/offset-page.query.dto';

export class OperationsQueryDto extends OffsetPageQueryDto {
  @ApiPropertyOptional({ description: 'Administrators: the operations of all users', default: false, type: Boolean })
  @Optional()
  @QueryFlag()
  all_users: boolean = false;
}
