import { applyDecorators } from '@nestjs/common';
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsInt, Max, Min, ValidateBy } from 'class-validator';
import { OptionalOrNull, TextField } from '../../common/validation/fields';
import { NestedField } from '../../common/validation/nested';
import { isStatusRange, STATUS_RANGE } from '../spec/status-range';
import { CheckCommandField } from './command-field';

const KINDS = ['command', 'http', 'tcp'] as const;
/** Printable ASCII: what a request line may hold. A fragment is never sent, so writing one is a mistake. */
const PATH = /^\/[!-"$-~]*$/;
const MAX_PATH_LENGTH = 300;

/** The check has exactly one kind. */
export const OneKindOfCheck = (): PropertyDecorator =>
  ValidateBy({
    name: 'oneKindOfCheck',
    validator: {
      validate: (value: unknown) =>
        typeof value !== 'object' || value === null || KINDS.filter((kind) => (value as HealthCheckDto)[kind] !== undefined).length === 1,
      defaultMessage: () => `health_check must have exactly one of ${KINDS.join(', ')}`,
    },
  });

const CheckedPort = (): PropertyDecorator =>
  applyDecorators(
    ApiProperty({
      description: 'One of the tcp `ports` of the deployment, by its number in the container',
      example: 8080,
      minimum: 1,
      maximum: 65_535,
      type: 'integer',
    }),
    IsInt(),
    Min(1),
    Max(65_535),
  );

export class HttpCheckDto {
  @CheckedPort()
  port!: number;

  @ApiPropertyOptional({ default: '/', example: '/healthz', maxLength: MAX_PATH_LENGTH, pattern: PATH.source })
  @OptionalOrNull()
  @TextField({ max: MAX_PATH_LENGTH, pattern: PATH, hint: 'begin with / and have no spaces, no fragment and no characters beyond ASCII' })
  path: string = '/';

  @ApiPropertyOptional({
    type: String,
    default: '200-399',
    example: '200-399',
    pattern: STATUS_RANGE.source,
    description: 'The status codes that mean healthy: one, such as `204`, or a range. A redirect is an answer and is not followed',
  })
  @Transform(({ value }: { value: unknown }) => (typeof value === 'number' ? String(value) : value))
  @OptionalOrNull()
  @ValidateBy({
    name: 'statusRange',
    validator: {
      validate: isStatusRange,
      defaultMessage: () => 'expect_status must be a status code such as 204, or a range such as 200-399, within 100 to 599',
    },
  })
  expect_status: string = '200-399';
}

export class TcpCheckDto {
  @CheckedPort()
  port!: number;
}

export class HealthCheckDto {
  @ApiPropertyOptional({ description: 'Run inside the container; exit code 0 means healthy', example: ['/bin/true'], type: [String] })
  @OptionalOrNull()
  @CheckCommandField()
  command?: string[];

  @ApiPropertyOptional({ description: 'A GET at a port of the container', type: () => HttpCheckDto })
  @OptionalOrNull()
  @NestedField(() => HttpCheckDto)
  http?: HttpCheckDto;

  @ApiPropertyOptional({ description: 'A connection to a port of the container', type: () => TcpCheckDto })
  @OptionalOrNull()
  @NestedField(() => TcpCheckDto)
  tcp?: TcpCheckDto;

  @ApiPropertyOptional({ default: 10, minimum: 1, maximum: 3_600, type: 'integer' })
  @OptionalOrNull()
  @IsInt()
  @Min(1)
  @Max(3_600)
  interval_seconds: number = 10;

  @ApiPropertyOptional({ default: 5, minimum: 1, maximum: 600, type: 'integer' })
  @OptionalOrNull()
  @IsInt()
  @Min(1)
  @Max(600)
  timeout_seconds: number = 5;

  @ApiPropertyOptional({ description: 'Failures in a row', default: 3, minimum: 1, maximum: 100, type: 'integer' })
  @OptionalOrNull()
  @IsInt()
  @Min(1)
  @Max(100)
  retries: number = 3;

  @ApiPropertyOptional({
    description: 'Failures so soon after the start do not count, until the first success',
    default: 0,
    minimum: 0,
    maximum: 3_600,
    type: 'integer',
  })
  @OptionalOrNull()
  @IsInt()
  @Min(0)
  @Max(3_600)
  start_period_seconds: number = 0;
}
