import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsBoolean, IsIn, IsInt, Max, Min } from 'class-validator';
import { DomainError } from '../../common/problem/domain-error';
import { Optional, OptionalOrNull, TextField } from '../../common/validation/fields';
import { ProjectField } from '../../rights/project-field';
import { ROLES, type Role } from '../../rights/rights';
import type { ApiTokenRecord } from '../api-tokens.repository';
import type { TokenBinding } from '../api-tokens.service';

export class CreateApiTokenDto {
  @ApiProperty({ example: 'ci-pipeline', minLength: 1, maxLength: 100 })
  @TextField({ max: 100 })
  name!: string;

  @ApiPropertyOptional({ type: 'integer', default: 90, minimum: 1, maximum: 365 })
  @Optional()
  @IsInt()
  @Min(1)
  @Max(365)
  expires_in_days: number = 90;

  @ApiPropertyOptional({ default: false, description: 'A read-only token can look but not change anything.' })
  @Optional()
  @IsBoolean()
  read_only: boolean = false;

  @ApiPropertyOptional({ example: 'web-team', description: 'The name or id of the only project in which it acts, with `role`' })
  @OptionalOrNull()
  @ProjectField()
  project?: string;

  @ApiPropertyOptional({ enum: ROLES, description: 'With `project`: its role there, and never more than yours is' })
  @OptionalOrNull()
  @IsIn(ROLES)
  role?: Role;
}

/** Throws `validation_failed` when only one of the two is there. */
export function bindingOf({ project, role }: CreateApiTokenDto): TokenBinding | null {
  if (project !== undefined && role !== undefined) return { project, role };
  if (project === undefined && role === undefined) return null;
  const missing = project === undefined ? 'project' : 'role';
  const detail = `${missing} is missing: a token is bound to a project with a role`;
  throw new DomainError('validation_failed', `${detail}.`, { errors: [{ pointer: `/${missing}`, detail }] });
}

export class ApiTokenDto {
  @ApiProperty({ format: 'uuid' })
  id!: string;

  @ApiProperty({ example: 'ci-pipeline' })
  name!: string;

  @ApiProperty({ example: 'fog_4nUuPZ', description: 'The first characters of the token, to recognise it by.' })
  prefix!: string;

  @ApiProperty()
  read_only!: boolean;

  @ApiProperty({ type: String, format: 'uuid', nullable: true, description: 'The only project in which it acts; null: wherever you may.' })
  project_id!: string | null;

  @ApiProperty({ type: String, nullable: true })
  project!: string | null;

  @ApiProperty({ type: String, enum: ROLES, nullable: true })
  role!: Role | null;

  @ApiProperty({ format: 'date-time' })
  created_at!: string;

  @ApiProperty({ format: 'date-time' })
  expires_at!: string;

  @ApiProperty({ type: String, format: 'date-time', nullable: true, description: 'Exact to a minute.' })
  last_used_at!: string | null;

  static from(record: ApiTokenRecord): ApiTokenDto {
    return Object.assign(new ApiTokenDto(), {
      id: record.id,
      name: record.name,
      prefix: record.prefix,
      read_only: record.readOnly,
      project_id: record.boundTo?.projectId ?? null,
      project: record.boundTo?.project ?? null,
      role: record.boundTo?.role ?? null,
      created_at: record.createdAt.toISOString(),
      expires_at: record.expiresAt.toISOString(),
      last_used_at: record.lastUsedAt?.toISOString() ?? null,
    });
  }
}

export class CreatedApiTokenDto extends ApiTokenDto {
  @ApiProperty({ description: 'The token itself. It is shown here and never again.' })
  token!: string;

  static of(record: ApiTokenRecord, token: string): CreatedApiTokenDto {
    return Object.assign(new CreatedApiTokenDto(), ApiTokenDto.from(record), { token });
  }
}
