import { ApiPropertyOptional } from '@nestjs/swagger';
import { Optional, QueryFlag } from '../../common/validation/fields';

export class DeployQueryDto {
  @ApiPropertyOptional({ description: 'Only answer with the placement it would get; write nothing', default: false, type: Boolean })
  @Optional()
  @QueryFlag()
  dry_run: boolean = false;
}
