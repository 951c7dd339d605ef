import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Optional, QueryFlag, QueryList, TextField, TimeField } from '../../common/validation/fields';
import { ProjectField } from '../../rights/project-field';
import { DEPLOYMENT_STATUSES, type DeploymentStatus } from '../domain/deployment-status';
import { HEALTH_GRADES, type Health } from '../domain/health';
import { DEPLOYMENT_TYPES, type DeploymentType } from '../spec/deployment-spec';
import { PageQueryDto } from './page-query.dto';

export const SORT_KEYS = ['created_at', 'name', 'status'] as const;
export type SortKey = (typeof SORT_KEYS)[number];

/** What is one of several words is checked by `readListQuery`, which has messages of its own for that. */
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
  @TimeField()
  created_after?: string;

  @ApiPropertyOptional({ format: 'date-time', description: 'Inclusive' })
  @Optional()
  @TimeField()
  created_before?: string;

  @ApiPropertyOptional({
    type: [String],
    description: '`name`: deployments that have this label; `name=value`: with this value. Several: all of them must hold.',
  })
  @Optional()
  @QueryList({ max: 320, maxEntries: 20 })
  label?: string[];

  @ApiPropertyOptional({ enum: DEPLOYMENT_TYPES })
  @Optional()
  @TextField({ min: 0, max: 100 })
  type?: string;

  @ApiPropertyOptional({ description: 'Part of the image reference, in any case', maxLength: 500 })
  @Optional()
  @TextField({ min: 0, max: 500 })
  image?: string;

  @ApiPropertyOptional({ enum: HEALTH_GRADES })
  @Optional()
  @TextField({ min: 0, max: 100 })
  health?: string;

  @ApiPropertyOptional({ format: 'uuid', description: 'A node that holds one of its replicas' })
  @Optional()
  @TextField({ max: 100 })
  node_id?: string;

  @ApiPropertyOptional({ description: 'The name or id of a project: only what is in it', maxLength: 64 })
  @Optional()
  @ProjectField()
  project?: string;

  @ApiPropertyOptional({ enum: SORT_KEYS, default: 'created_at' })
  @Optional()
  @TextField({ min: 0, max: 100 })
  sort_by?: string;

  @ApiPropertyOptional({ enum: ['asc', 'desc'], default: 'desc' })
  @Optional()
  @TextField({ min: 0, max: 100 })
  sort_order?: string;

  @ApiPropertyOptional({ description: 'Administrators: the deployments in the projects of this user', format: 'uuid' })
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

  @ApiProperty({ format: 'uuid', description: 'The same as `id`' })
  deployment_id!: string;

  @ApiProperty()
  name!: string;

  @ApiProperty({ enum: DEPLOYMENT_STATUSES })
  status!: DeploymentStatus;

  @ApiProperty({ type: 'integer' })
  target_replicas!: number;

  @ApiProperty({ type: 'integer' })
  running_replicas!: number;

  @ApiProperty({ enum: HEALTH_GRADES })
  health!: Health;

  @ApiProperty({ enum: DEPLOYMENT_TYPES })
  type!: DeploymentType;

  @ApiProperty()
  container_image!: string;

  @ApiProperty({ type: 'object', additionalProperties: { type: 'string' } })
  labels!: Readonly<Record<string, string>>;

  @ApiProperty({ format: 'uuid', description: 'The owner' })
  user_id!: string;

  @ApiProperty({ format: 'uuid' })
  project_id!: string;

  @ApiProperty({ description: 'The name of its project' })
  project!: string;

  @ApiProperty({ format: 'date-time' })
  created_at!: string;

  @ApiProperty({ format: 'date-time' })
  updated_at!: string;

  @ApiPropertyOptional({ format: 'date-time', description: 'When a deleted one is removed for good; absent while it lives' })
  purge_at?: string;
}
