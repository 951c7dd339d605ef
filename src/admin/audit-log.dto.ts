import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { AuditDetailsDto } from '../audit/dto/audit-details.dto';
import { Optional, QueryInteger, TextField, TimeField } from '../common/validation/fields';

export const AUDIT_OUTCOMES = ['done', 'refused'] as const;
export const AUDIT_FORMATS = ['json', 'ndjson'] as const;
const UUID = { max: 36, pattern: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i, hint: 'be a UUID' } as const;
const oneOf = (values: readonly string[]) => ({
  max: 20,
  pattern: new RegExp(`^(${values.join('|')})$`),
  hint: `be ${values.join(' or ')}`,
});

/** Which rows to show. */
export class AuditQueryDto {
  @ApiPropertyOptional({ format: 'uuid', description: 'Who acted: the id of a user' })
  @Optional()
  @TextField(UUID)
  actor?: string;

  @ApiPropertyOptional({ description: 'Such as `deployment.delete`', maxLength: 100 })
  @Optional()
  @TextField({ max: 100 })
  action?: string;

  @ApiPropertyOptional({ description: 'Such as `deployment`', maxLength: 50 })
  @Optional()
  @TextField({ max: 50 })
  resource_type?: string;

  @ApiPropertyOptional({ format: 'uuid' })
  @Optional()
  @TextField(UUID)
  resource_id?: string;

  @ApiPropertyOptional({ enum: AUDIT_OUTCOMES })
  @Optional()
  @TextField(oneOf(AUDIT_OUTCOMES))
  outcome?: (typeof AUDIT_OUTCOMES)[number];

  @ApiPropertyOptional({ maxLength: 128 })
  @Optional()
  @TextField({ max: 128 })
  request_id?: string;

  @ApiPropertyOptional({ format: 'date-time', description: 'Inclusive' })
  @Optional()
  @TimeField()
  after?: string;

  @ApiPropertyOptional({ format: 'date-time', description: 'Exclusive' })
  @Optional()
  @TimeField()
  before?: string;

  @ApiPropertyOptional({ default: 20, minimum: 1, maximum: 100, type: 'integer' })
  @Optional()
  @QueryInteger({ min: 1, max: 100 })
  limit: number = 20;

  @ApiPropertyOptional({ description: 'From the `Link` header of an earlier page', maxLength: 1000 })
  @Optional()
  @TextField({ max: 1000 })
  cursor?: string;

  @ApiPropertyOptional({ enum: AUDIT_FORMATS, default: 'json', description: '`ndjson`: all rows, one a line, without pages' })
  @Optional()
  @TextField(oneOf(AUDIT_FORMATS))
  format?: (typeof AUDIT_FORMATS)[number];
}

/** One row of the audit log. */
export class AuditRecordDto {
  @ApiProperty({ description: 'Ascending, with gaps', example: '42' })
  id!: string;

  @ApiProperty({ format: 'date-time' })
  at!: string;

  @ApiProperty({ type: String, format: 'uuid', nullable: true, description: 'Null: the control plane itself, or a stranger' })
  actor_id!: string | null;

  @ApiProperty({ type: String, nullable: true, description: 'The name that the user has now' })
  actor_name!: string | null;

  @ApiProperty({ enum: ['session', 'api_token', 'external', 'anonymous', 'system'] })
  via!: string;

  @ApiProperty({ type: String, format: 'uuid', nullable: true, description: 'The session or the API token' })
  credential_id!: string | null;

  @ApiProperty({ type: String, nullable: true })
  address!: string | null;

  @ApiProperty({ example: 'deployment.delete' })
  action!: string;

  @ApiProperty({ type: String, nullable: true, example: 'deployment' })
  resource_type!: string | null;

  @ApiProperty({ type: String, format: 'uuid', nullable: true })
  resource_id!: string | null;

  @ApiProperty({ enum: AUDIT_OUTCOMES })
  outcome!: (typeof AUDIT_OUTCOMES)[number];

  @ApiProperty({ type: String, nullable: true, description: 'Why it was refused' })
  code!: string | null;

  @ApiProperty({ type: String, nullable: true })
  request_id!: string | null;

  @ApiProperty({ type: () => AuditDetailsDto, nullable: true, description: 'What was changed, as it was before' })
  before!: AuditDetailsDto | null;

  @ApiProperty({
    type: () => AuditDetailsDto,
    nullable: true,
    description: 'The same members as they are since; of a refusal, what is known of it',
  })
  after!: AuditDetailsDto | null;

  @ApiProperty({ type: String, nullable: true, description: 'Its place in the chain; null until it is sealed' })
  position!: string | null;

  @ApiProperty({ type: String, nullable: true, description: 'SHA-256 over the hash before it and the row, in hex' })
  hash!: string | null;
}
