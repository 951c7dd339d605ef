import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsBoolean, IsIn, IsInt, Max, Min } from 'class-validator';
import { IsPlainMap, OptionalOrNull, type MapRule } from '../../common/validation/fields';
import { NestedField, NestedList } from '../../common/validation/nested';
import { ThreeDecimals } from '../../common/validation/three-decimals';
import { RESTART_POLICIES, type RestartPolicy } from '../../engines/container-spec';
import { IMAGE_REFERENCE, MAX_IMAGE_REFERENCE_LENGTH } from '../../engines/image-reference';
import { MAX_SECRET_NAME, SECRET_NAME } from '../../secrets/secret-name';
import { MOST_VOLUMES } from '../domain/volume-faults';
import { CommandField } from './command-field';
import { LimitedBy } from './configured-limit';
import { HealthCheckDto, OneKindOfCheck } from './health-check.dto';
import { ImageField } from './image-field';
import { VolumeMountDto } from './volume-mount.dto';

const ENV_NAME = /^[A-Za-z_][A-Za-z0-9_.-]{0,254}$/;

/** The rules of the maps of a container, which a change of them has in common with a deploy. */
export const ENV_RULE: MapRule = { maxEntries: 200, keyPattern: ENV_NAME, maxValueLength: 32_768, multiline: true };
export const SECRET_ENV_RULE: MapRule = {
  maxEntries: 100,
  keyPattern: ENV_NAME,
  maxValueLength: MAX_SECRET_NAME,
  valuePattern: SECRET_NAME,
};

/** The limits of the sizes are configured and checked by the service; here are the bounds that no configuration exceeds. */
export class ResourcesRequestDto {
  @ApiProperty({ description: 'CPU cores per replica, at most three decimals', example: 0.5, minimum: 0.5, maximum: 32 })
  @LimitedBy({ minimum: 'MIN_CPU_CORES', maximum: 'MAX_CPU_CORES' })
  @ThreeDecimals()
  @Min(0.001)
  @Max(1024)
  cpu!: number;

  @ApiProperty({ description: 'Memory in MB per replica', example: 512, minimum: 512, maximum: 65_536, type: 'integer' })
  @LimitedBy({ minimum: 'MIN_MEMORY_MB', maximum: 'MAX_MEMORY_MB' })
  @IsInt()
  @Min(1)
  @Max(16_777_216)
  memory!: number;

  @ApiPropertyOptional({ description: 'GPU units per replica', default: 0, minimum: 0, maximum: 8, type: 'integer' })
  @LimitedBy({ maximum: 'MAX_GPU_UNITS' })
  @OptionalOrNull()
  @IsInt()
  @Min(0)
  @Max(64)
  gpu: number = 0;

  @ApiPropertyOptional({ description: 'Storage in GB per replica', default: 10, example: 1, minimum: 1, maximum: 1000, type: 'integer' })
  @LimitedBy({ minimum: 'MIN_STORAGE_GB', maximum: 'MAX_STORAGE_GB' })
  @OptionalOrNull()
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
  @OptionalOrNull()
  @IsIn(['tcp', 'udp'])
  protocol: 'tcp' | 'udp' = 'tcp';
}

/**
 * The part of a request that describes the containers. `spec/spec-codec.ts` reads its members, and writes those of the view
 * below.
 */
export class ContainerRequestDto {
  @ApiProperty({
    description: 'Image reference. Where the image is on no node yet, its registry has to be one of those that are allowed here',
    example: 'nginx:1.27',
    pattern: IMAGE_REFERENCE.source,
    maxLength: MAX_IMAGE_REFERENCE_LENGTH,
  })
  @ImageField()
  container_image!: string;

  @ApiProperty({ type: () => ResourcesRequestDto })
  @NestedField(() => ResourcesRequestDto)
  resources!: ResourcesRequestDto;

  @ApiPropertyOptional({
    description: 'Environment variables. The values are never returned, logged or put in events, only the names',
    example: { GREETING: 'hello' },
  })
  @OptionalOrNull({ orEmpty: true })
  @IsPlainMap(ENV_RULE)
  env: Record<string, string> = {};

  @ApiPropertyOptional({
    description: 'Variables that get the value of a secret of the project, by its name',
    example: { DB_PASSWORD: 'db-password' },
  })
  @OptionalOrNull({ orEmpty: true })
  @IsPlainMap(SECRET_ENV_RULE)
  secret_env: Record<string, string> = {};

  @ApiPropertyOptional({ description: "Replaces the image's command", type: [String], example: ['nginx', '-g', 'daemon off;'] })
  @OptionalOrNull({ orEmpty: true })
  @CommandField()
  command?: string[];

  @ApiPropertyOptional({ description: 'Published on ports that the engine chooses; the status shows them', type: () => [PortDto] })
  @LimitedBy({ maxItems: 'MAX_PORTS' })
  @OptionalOrNull()
  @NestedList(() => PortDto, { maxEntries: 50 })
  ports: PortDto[] = [];

  @ApiPropertyOptional({
    type: () => HealthCheckDto,
    description:
      'Exactly one of `command`, `http` and `tcp`. A replica runs once its first check has passed, and one that fails is replaced',
  })
  @OptionalOrNull({ orEmpty: true })
  @OneKindOfCheck()
  @NestedField(() => HealthCheckDto)
  health_check?: HealthCheckDto;

  @ApiPropertyOptional({
    description: 'The containers may write to /tmp only, which holds 64 MB of their memory and runs no programs',
    default: false,
  })
  @OptionalOrNull()
  @IsBoolean()
  read_only_root: boolean = false;

  @ApiPropertyOptional({
    description:
      'What follows when a container ends by itself. `always`: a successor; `on_failure`: one unless it ended with exit code 0; `never`: none once it has run. When all replicas have ended so, the deployment is `stopped`',
    enum: RESTART_POLICIES,
    default: 'always',
  })
  @OptionalOrNull()
  @IsIn(RESTART_POLICIES)
  restart: RestartPolicy = 'always';

  @ApiPropertyOptional({ description: 'Volumes of the project; see docs/volumes.md', type: () => [VolumeMountDto], maxItems: MOST_VOLUMES })
  @OptionalOrNull()
  @NestedList(() => VolumeMountDto, { maxEntries: MOST_VOLUMES })
  volumes: VolumeMountDto[] = [];
}

/** What views show of the containers. The resources are in the status. */
export class ContainerViewDto {
  @ApiProperty()
  container_image!: string;

  @ApiProperty({ type: [String], nullable: true })
  command!: string[] | null;

  @ApiProperty({ type: [String], description: 'Names only; values are never shown' })
  env_names!: string[];

  @ApiProperty({ type: 'object', additionalProperties: { type: 'string' } })
  secret_env!: Record<string, string>;

  @ApiProperty({ type: () => [PortDto] })
  ports!: PortDto[];

  @ApiProperty({ type: () => HealthCheckDto, nullable: true })
  health_check!: HealthCheckDto | null;

  @ApiProperty({ description: 'The containers may write to /tmp only' })
  read_only_root!: boolean;

  @ApiProperty({ enum: RESTART_POLICIES })
  restart!: RestartPolicy;

  @ApiProperty({ type: () => [VolumeMountDto] })
  volumes!: VolumeMountDto[];
}
