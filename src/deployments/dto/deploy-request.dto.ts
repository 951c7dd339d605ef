import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsBoolean, IsIn, IsInt, IsNumber, Max, Min } from 'class-validator';
import { DomainError } from '../../common/problem/domain-error';
import { IsPlainMap, Optional, TextField, TextList } from '../../common/validation/fields';
import { NestedField, NestedList } from '../../common/validation/nested';
import { PLACEMENT_STRATEGIES, type PlacementStrategy } from '../../scheduling/place.types';
import { DEPLOYMENT_TYPES, type DeploymentSpec, type DeploymentType } from '../domain/deployment-spec';
import { IMAGE_REFERENCE, MAX_IMAGE_REFERENCE_LENGTH } from '../domain/image-reference';
import { MAX_REASON_LENGTH } from '../domain/limits';

export const DEPLOYMENT_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;
const ENV_NAME = /^[A-Za-z_][A-Za-z0-9_.-]{0,254}$/;
export const LABEL_NAME = /^[A-Za-z0-9]([A-Za-z0-9._/-]{0,61}[A-Za-z0-9])?$/;

/** The limits of the sizes are configuration and checked by the service; here only what no configuration can allow. */
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

/** What Swagger UI offers to send: it runs, and is free to be deleted. */
export const DEPLOY_EXAMPLE = {
  name: 'web-api',
  type: 'compute',
  container_image: 'nginx:1.27',
  replicas: 2,
  resources: { cpu: 0.5, memory: 512, gpu: 0, storage: 1 },
  env: { GREETING: 'hello' },
  region: 'us-east',
  ports: [{ container_port: 80, protocol: 'tcp' }],
  labels: { team: 'web' },
};

export class DeployRequestDto {
  @ApiProperty({
    description: "Unique among the user's live deployments",
    example: 'web-api',
    maxLength: 100,
    pattern: DEPLOYMENT_NAME.source,
  })
  @TextField({
    max: 100,
    pattern: DEPLOYMENT_NAME,
    hint: 'start with a letter or digit and contain only letters, digits, ".", "_" and "-"',
  })
  name!: string;

  @ApiProperty({ enum: DEPLOYMENT_TYPES, example: 'compute' })
  @IsIn(DEPLOYMENT_TYPES)
  type!: DeploymentType;

  @ApiProperty({ description: 'Image reference', example: 'nginx:1.27', maxLength: MAX_IMAGE_REFERENCE_LENGTH })
  @TextField({ max: MAX_IMAGE_REFERENCE_LENGTH, pattern: IMAGE_REFERENCE, hint: 'be an image reference such as nginx:1.27' })
  container_image!: string;

  @ApiPropertyOptional({ default: 1, example: 2, minimum: 1, maximum: 100, type: 'integer' })
  @Optional()
  @IsInt()
  @Min(1)
  @Max(10_000)
  replicas: number = 1;

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

  @ApiPropertyOptional({ description: 'Where the users are; nearer nodes score higher', default: 'us-east', maxLength: 64 })
  @Optional()
  @TextField({ max: 64, pattern: /^[a-z0-9]+(-[a-z0-9]+)*$/, hint: 'be lower-case words joined by hyphens, such as us-east' })
  region: string = 'us-east';

  @ApiPropertyOptional({
    description: '`spread` prefers distinct nodes, `distinct` demands them, `binpack` fills nodes',
    enum: PLACEMENT_STRATEGIES,
    default: 'spread',
  })
  @Optional()
  @IsIn(PLACEMENT_STRATEGIES)
  placement_strategy: PlacementStrategy = 'spread';

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

  @ApiPropertyOptional({ type: 'object', additionalProperties: { type: 'string' }, example: { team: 'edge' } })
  @Optional()
  @IsPlainMap({ maxEntries: 64, keyPattern: LABEL_NAME, maxValueLength: 256 })
  labels: Record<string, string> = {};

  @ApiPropertyOptional({ description: 'Refuse to delete it until the protection is lifted', default: false })
  @Optional()
  @IsBoolean()
  protected: boolean = false;

  @ApiPropertyOptional({ description: 'Why; only with `protected`', maxLength: MAX_REASON_LENGTH, example: 'Serves production traffic' })
  @Optional()
  @TextField({ max: MAX_REASON_LENGTH })
  protection_reason?: string;

  /** Null: it is not to be protected. Throws `validation_failed` for a reason without a protection. */
  protectionReason(): string | null {
    if (this.protected) return this.protection_reason ?? 'Protected when it was deployed';
    if (this.protection_reason === undefined) return null;
    const detail = 'protection_reason needs protected to be true';
    throw new DomainError('validation_failed', detail, { errors: [{ pointer: '/protection_reason', detail }] });
  }

  toSpec(): DeploymentSpec {
    const { resources, health_check: check } = this;
    return {
      name: this.name,
      type: this.type,
      containerImage: this.container_image,
      replicas: this.replicas,
      resources: { cpuCores: resources.cpu, memoryMb: resources.memory, gpuUnits: resources.gpu, storageGb: resources.storage },
      region: this.region,
      placementStrategy: this.placement_strategy,
      command: this.command ?? null,
      env: this.env,
      ports: this.ports.map((port) => ({ containerPort: port.container_port, protocol: port.protocol })),
      healthCheck: check
        ? {
            command: check.command,
            intervalSeconds: check.interval_seconds,
            timeoutSeconds: check.timeout_seconds,
            retries: check.retries,
            startPeriodSeconds: check.start_period_seconds,
          }
        : null,
      labels: this.labels,
    };
  }
}

export class ScaleRequestDto {
  @ApiProperty({ example: 3, minimum: 1, maximum: 100, type: 'integer' })
  @IsInt()
  @Min(1)
  @Max(10_000)
  replicas!: number;
}
