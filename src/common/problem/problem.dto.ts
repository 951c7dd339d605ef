import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { PROBLEMS } from './catalog';

/** One fault of the input, as the OpenAPI document shows it. */
export class FieldFaultDto {
  @ApiProperty({ description: 'JSON pointer (RFC 6901) into the body, or the name of the parameter.', example: '/replicas' })
  pointer!: string;

  @ApiProperty({ example: 'replicas must be an integer from 1 to 100' })
  detail!: string;
}

/** The shape of every error answer, as the OpenAPI document shows it. It is open: codes have members of their own. */
export class ProblemDto {
  @ApiProperty({ example: 'urn:fog-compute:problem:not_found' })
  type!: string;

  @ApiProperty({ example: 'Not found' })
  title!: string;

  @ApiProperty({ type: 'integer', example: 404 })
  status!: number;

  @ApiProperty({ description: 'One sentence for people.' })
  detail!: string;

  @ApiProperty({
    description: 'The path of the request, without its query; the beginning of one that is too long.',
    example: '/api/deployment/list',
  })
  instance!: string;

  @ApiProperty({
    description: 'Stable, for programs; docs/errors.md lists them all.',
    enum: Object.keys(PROBLEMS),
    enumName: 'ProblemCode',
  })
  code!: string;

  @ApiProperty({ description: 'The id under which the log knows this request.' })
  request_id!: string;

  @ApiPropertyOptional({ type: () => [FieldFaultDto], description: 'At most ten faults of the input.' })
  errors?: FieldFaultDto[];

  @ApiPropertyOptional({ format: 'uuid', description: 'Of `already_deleted` and what blocks a purge' })
  deployment_id?: string;

  @ApiPropertyOptional({ format: 'date-time', description: 'Of `already_deleted`' })
  deleted_at?: string;

  @ApiPropertyOptional({ type: String, format: 'date-time', nullable: true, description: 'Of what blocks a purge' })
  purge_at?: string | null;

  @ApiPropertyOptional({ type: [String], description: 'Of what blocks a purge: the codes of all reasons' })
  blocked_by?: string[];

  @ApiPropertyOptional({ description: 'Of `role_required`: the role that is needed' })
  needed_role?: string;

  @ApiPropertyOptional({ description: 'Of `role_required`: your role' })
  role?: string;

  @ApiPropertyOptional({ type: 'integer', description: 'Of `project_in_use` and `secret_in_use`: how many live deployments' })
  deployments?: number;

  @ApiPropertyOptional({ description: 'Of `deployment_protected`' })
  protection_reason?: string;

  @ApiPropertyOptional({ description: 'Of `precondition_failed`: the present `ETag`' })
  etag?: string;

  @ApiPropertyOptional({ type: 'integer', description: 'Of `node_in_use`' })
  open_reservations?: number;

  @ApiPropertyOptional({ type: [String], description: 'Of `insufficient_nodes`: what was short, by dimension' })
  shortages?: string[];

  @ApiPropertyOptional({ description: 'Of `quota_exceeded`: what is counted' })
  quota?: string;

  @ApiPropertyOptional({ description: 'Of `quota_exceeded`: whose limit it is, `user` or `project`' })
  holder?: string;

  @ApiPropertyOptional({ description: 'Of `quota_exceeded`; absent when it is of a user and the caller may not know what that one holds' })
  limit?: number;

  @ApiPropertyOptional({ description: 'Of `quota_exceeded`: what is held already; absent as `limit` is' })
  used?: number;

  @ApiPropertyOptional({ description: 'Of `quota_exceeded`: how many more were asked for' })
  requested?: number;

  @ApiPropertyOptional({ type: 'integer', format: 'int64', description: 'Of `events_gone`: the first position that is kept' })
  oldest_position?: number;

  @ApiPropertyOptional({ type: 'integer', format: 'int64', description: 'Of `events_gone`' })
  latest_position?: number;
}
