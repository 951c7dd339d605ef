import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsInt, IsNumber, Max, Min } from 'class-validator';
import { IsPlainMap, Optional, TextField, TextList } from '../../common/validation/fields';
import { NestedField, NestedList } from '../../common/validation/nested';
import { IMAGE_REFERENCE, MAX_IMAGE_REFERENCE_LENGTH } from '../domain/image-reference';

const ENV_NAME = /^[A-Za-z_][A-Za-z0-9_.-]{0,254}$/;

/** The limits of the sizes are configured and checked by the service; here are the bounds that no configuration exceeds. */
export class ResourcesRequestDto {
  @ApiProperty({ description: 'CPU cores per replica, at most three decimals', example: 0.5, minimum: 0.5, maximum: 32 })
  @IsNumber({ maxDecimalPlaces: 3, allowNaN: false, allowInfinity: false })
  @Min(0.001)
  @Max(1024)
  cpu!: number;

  @ApiProperty({ description: 'Memory in MB per replica', example: 512, minimum: 512, maximum: 65_536, type: 'integer' })
  @IsInt()
  @Min(1)
  @Max(16_777_216)
  memory!: number;

  @ApiPropertyOptional({ description: 'GPU units per replica', default: 0, minimum: 0, maximum: 8, type: 'integer' })
  @Optional()
  @IsInt()
  @Min(0)
  @Max(64)
  gpu: number = 0;

  @ApiPropertyOptional({ description: 'Storage in GB per replica', default: 10, example: 1, minimum: 1, maximum: 1000, type: 'integer' })
  @Optional()
  @IsInt()
  @Min(1)
  @Max(1_000_000)
  storage: number = 10;
}

export class PortDto {
  @ApiProperty({ example: 80, minimum: 1, maximum: 65_535, type: 'integer' })
  @IsInt()
  @Min(1)
  @Max(65_535)
  container_port!: number;

  @ApiPropertyOptional({ enum: ['tcp', 'udp'], default: 'tcp' })
  @Optional()
  @IsIn(['tcp', 'udp'])
  protocol: 'tcp' | 'udp' = 'tcp';
}

export class HealthCheckDto {
  @ApiProperty({ description: 'Run inside the container; exit code 0 means healthy', example: ['/bin/true'], type: [String] })
  @TextList({ minEntries: 1, maxEntries: 64, max: 4_096 })
  command!: string[];

  @ApiPropertyOptional({ default: 10, minimum: 1, maximum: 3_600, type: 'integer' })
  @Optional()
  @IsInt()
  @Min(1)
  @Max(3_600)
  interval_seconds: number = 10;

  @ApiPropertyOptional({ default: 5, minimum: 1, maximum: 600, type: 'integer' })
  @Optional()
  @IsInt()
  @Min(1)
  @Max(600)
  timeout_seconds: number = 5;

  @ApiPropertyOptional({ default: 3, minimum: 1, maximum: 100, type: 'integer' })
  @Optional()
  @IsInt()
  @Min(1)
  @Max(100)
  retries: number = 3;

  @ApiPropertyOptional({ default: 0, minimum: 0, maximum: 3_600, type: 'integer' })
  @Optional()
  @IsInt()
  @Min(0)
  @Max(3_600)
  start_period_seconds: number = 0;
}

/**
 * The part of a request that describes the containers. `spec/spec-codec.ts` reads its members, and writes those of the view
 * below.
 */
export class ContainerRequestDto {
  @ApiProperty({ description: 'Image reference', example: 'nginx:1.27', maxLength: MAX_IMAGE_REFERENCE_LENGTH })
  @TextField({ max: MAX_IMAGE_REFERENCE_LENGTH, pattern: IMAGE_REFERENCE, hint: 'be an image reference such as nginx:1.27' })
  container_image!: string;

  @ApiProperty({ type: () => ResourcesRequestDto })
  @NestedField(() => ResourcesRequestDto)
  resources!: ResourcesRequestDto;

  @ApiPropertyOptional({
    description: 'Environment variables. The values are never returned, logged or put in events, only the names',
    type: 'object',
    additionalProperties: { type: 'string' },
    example: { GREETING: 'hello' },
  })
  @Optional()
  @IsPlainMap({ maxEntries: 200, keyPattern: ENV_NAME, maxValueLength: 32_768, multiline: true })
  env: Record<string, string> = {};

  @ApiPropertyOptional({ description: "Replaces the image's command", type: [String], example: ['nginx', '-g', 'daemon off;'] })
  @Optional()
  @TextList({ minEntries: 1, maxEntries: 256, max: 4_096, multiline: true })
  command?: string[];

  @ApiPropertyOptional({ description: 'Published on ports that the engine chooses; the status shows them', type: () => [PortDto] })
  @Optional()
  @NestedList(() => PortDto, { maxEntries: 50 })
  ports: PortDto[] = [];

  @ApiPropertyOptional({ type: () => HealthCheckDto })
  @Optional()
  @NestedField(() => HealthCheckDto)
  health_check?: HealthCheckDto;
}

/** What views show of the containers. The resources are in the status. */
export class ContainerViewDto {
  @ApiProperty()
  container_image!: string;

  @ApiProperty({ type: [String], nullable: true })
  command!: string[] | null;

  @ApiProperty({ type: [String], description: 'Names only; values are never shown' })
  env_names!: string[];

  @ApiProperty({ type: () => [PortDto] })
  ports!: PortDto[];

  @ApiProperty({ type: () => HealthCheckDto, nullable: true })
  health_check!: HealthCheckDto | null;
}
