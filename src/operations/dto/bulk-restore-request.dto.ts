import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsInt, IsUUID, Max, Min } from 'class-validator';
import { Optional } from '../../common/validation/fields';
import { MAX_BULK_DEPLOYMENTS } from '../operation.types';
import { IdList } from './bulk-delete-request.dto';

export class BulkRestoreRequestDto {
  @ApiPropertyOptional({
    description: `Up to ${MAX_BULK_DEPLOYMENTS} deleted deployments; give either these or an operation`,
    type: [String],
    format: 'uuid',
    minItems: 1,
    maxItems: MAX_BULK_DEPLOYMENTS,
  })
  @Optional()
  @IdList()
  ids?: string[];

  @ApiPropertyOptional({ description: 'A bulk deletion: everything that it has deleted comes back', format: 'uuid' })
  @Optional()
  @IsUUID()
  operation_id?: string;

  @ApiPropertyOptional({ description: 'Seconds to wait for the results', default: 10, minimum: 0, maximum: 60, type: 'integer' })
  @Optional()
  @IsInt()
  @Min(0)
  @Max(60)
  wait: number = 10;
}
