import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsBoolean, IsInt, Max, Min } from 'class-validator';
import { Optional, TextField } from '../../common/validation/fields';
import type { ApiTokenRecord } from '../api-tokens.repository';

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
