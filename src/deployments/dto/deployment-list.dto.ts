import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsISO8601 } from 'class-validator';
import { Optional, QueryFlag, TextField } from '../../common/validation/fields';
import { DEPLOYMENT_STATUSES, type DeploymentStatus } from '../domain/deployment-status';
import { PageQueryDto } from './page-query.dto';

export const SORT_KEYS = ['created_at', 'name', 'status'] as const;
export type SortKey = (typeof SORT_KEYS)[number];

/** `status`, `sort_by` and `sort_order` are checked by `readListQuery`, which has messages of its own for them. */
export class ListQueryDto extends PageQueryDto {
  @ApiPropertyOptional({ enum: DEPLOYMENT_STATUSES })
  @Optional()
  @TextField({ min: 0, max: 100 })
  status?: string;

  @ApiPropertyOptional({ description: 'Part of the name, in any case', maxLength: 100 })
  @Optional()
  @TextField({ min: 0, max: 100 })
  name?: string;

  @ApiPropertyOptional({ format: 'date-time', description: 'Inclusive' })
  @Optional()
  @IsISO8601({ strict: true, strictSeparator: true })
  created_after?: string;

  @ApiPropertyOptional({ format: 'date-time', description: 'Inclusive' })
  @Optional()
  @IsISO8601({ strict: true, strictSeparator: true })
  created_before?: string;

  @ApiPropertyOptional({ enum: SORT_KEYS, default: 'created_at' })
  @Optional()
  @TextField({ min: 0, max: 100 })
  sort_by?: string;

  @ApiPropertyOptional({ enum: ['asc', 'desc'], default: 'desc' })
  @Optional()
  @TextField({ min: 0, max: 100 })
  sort_order?: string;

  @ApiPropertyOptional({ description: 'Administrators: the deployments of this user', format: 'uuid' })
  @Optional()
  @TextField({ max: 100 })
  user_id?: string;

  @ApiPropertyOptional({ description: 'Administrators: the deployments of all users', default: false, type: Boolean })
  @Optional()
  @QueryFlag()
  all_users: boolean = false;
}

export class DeploymentListItemDto {
  @ApiProperty({ format: 'uuid' })
  id!: string;

  @ApiProperty()
  name!: string;

  @ApiProperty({ enum: DEPLOYMENT_STATUSES })
  status!: DeploymentStatus;

  @ApiProperty({ type: 'integer' })
  target_replicas!: number;

  @ApiProperty({ type: 'integer' })
  running_replicas!: number;

  @ApiProperty({ format: 'date-time' })
  created_at!: string;

  @ApiProperty({ format: 'date-time' })
  updated_at!: string;

  @ApiPropertyOptional({ format: 'date-time', description: 'When a deleted one is removed for good; absent while it lives' })
  purge_at?: string;
}
