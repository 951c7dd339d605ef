import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsBoolean, IsIn, IsInt, IsUUID, Max, Min } from 'class-validator';
import { IsPlainMap, Optional, TextField, TextList, TimeField } from '../../common/validation/fields';
import { NestedField } from '../../common/validation/nested';
import { MAX_GRACE_SECONDS, MAX_KEEP_WARM_LENGTH } from '../../deletions/teardown-options';
import { DEPLOYMENT_STATUSES, type DeploymentStatus } from '../../deployments/domain/deployment-status';
import { ProjectField } from '../../rights/project-field';
import { MAX_BULK_DEPLOYMENTS } from '../operation.types';

const LIVE_STATUSES = DEPLOYMENT_STATUSES.filter((status) => status !== 'deleted');
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Up to MAX_BULK_DEPLOYMENTS ids of deployments. */
export const IdList = (): PropertyDecorator =>
  TextList({ minEntries: 1, maxEntries: MAX_BULK_DEPLOYMENTS, max: 36, pattern: UUID, hint: 'be a deployment id (UUID)' });

/** The example of Swagger UI; sent unchanged it finds nothing to delete. */
export const BULK_DELETE_EXAMPLE = { filter: { name: 'preview-' } };

/** The filters of the list, and labels. A deployment must fit all that are given. */
export class BulkFilterDto {
  @ApiPropertyOptional({ enum: LIVE_STATUSES })
  @Optional()
  @IsIn(LIVE_STATUSES)
  status?: Exclude<DeploymentStatus, 'deleted'>;

  @ApiPropertyOptional({ description: 'Part of the name, in any case', maxLength: 100, example: 'preview-' })
  @Optional()
  @TextField({ max: 100 })
  name?: string;

  @ApiPropertyOptional({ format: 'date-time', description: 'Inclusive' })
  @Optional()
  @TimeField()
  created_after?: string;

  @ApiPropertyOptional({ format: 'date-time', description: 'Inclusive' })
  @Optional()
  @TimeField()
  created_before?: string;

  @ApiPropertyOptional({
    description: 'Deployments that carry all of these labels',
  })
  @Optional()
  @IsPlainMap({ maxEntries: 20, keyPattern: /^[A-Za-z0-9._/-]{1,63}$/, maxValueLength: 255 })
  labels?: Record<string, string>;

  @ApiPropertyOptional({ description: 'The name or id of the project to look in. Default: your personal project', maxLength: 64 })
  @Optional()
  @ProjectField()
  project?: string;

  @ApiPropertyOptional({ description: 'Administrators: the deployments in the personal project of this user', format: 'uuid' })
  @Optional()
  @IsUUID()
  user_id?: string;

  @ApiPropertyOptional({ description: 'Administrators: the deployments of all users', default: false })
  @Optional()
  @IsBoolean()
  all_users: boolean = false;
}

export class BulkDeleteRequestDto {
  @ApiPropertyOptional({
    description: `Up to ${MAX_BULK_DEPLOYMENTS} deployments; give either these or a filter`,
    type: [String],
    format: 'uuid',
    minItems: 1,
    maxItems: MAX_BULK_DEPLOYMENTS,
  })
  @Optional()
  @IdList()
  ids?: string[];

  @ApiPropertyOptional({ type: () => BulkFilterDto })
  @Optional()
  @NestedField(() => BulkFilterDto)
  filter?: BulkFilterDto;

  /** Not in the OpenAPI document, as that of queries: see `DryRunQueryDto`. */
  @Optional()
  @IsBoolean()
  dry_run: boolean = false;

  @ApiPropertyOptional({ description: 'Delete all of them or none', default: false })
  @Optional()
  @IsBoolean()
  all_or_nothing: boolean = false;

  @ApiPropertyOptional({ description: 'Seconds between SIGTERM and SIGKILL', minimum: 0, maximum: MAX_GRACE_SECONDS, type: 'integer' })
  @Optional()
  @IsInt()
  @Min(0)
  @Max(MAX_GRACE_SECONDS)
  grace_seconds?: number;

  @ApiPropertyOptional({ description: 'Kill at once, without grace', default: false })
  @Optional()
  @IsBoolean()
  force: boolean = false;

  @ApiPropertyOptional({ description: 'Keep the stopped containers and their capacity for so long, for a quick restore', example: '10m' })
  @Optional()
  @TextField({ max: MAX_KEEP_WARM_LENGTH })
  keep_warm?: string;

  @ApiPropertyOptional({ description: 'Seconds to wait for the decisions', default: 10, minimum: 0, maximum: 60, type: 'integer' })
  @Optional()
  @IsInt()
  @Min(0)
  @Max(60)
  wait: number = 10;
}
