import { ApiPropertyOptional } from '@nestjs/swagger';
import { Optional, QueryFlag, QueryInteger } from '../../common/validation/fields';

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
