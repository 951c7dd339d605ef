import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsBoolean, IsIn, IsInt, Max, Min } from 'class-validator';
import { DomainError } from '../../common/problem/domain-error';
import { IsPlainMap, Optional, TextField } from '../../common/validation/fields';
import { PLACEMENT_STRATEGIES, type PlacementStrategy } from '../../scheduling/place.types';
import { DEPLOYMENT_TYPES, type DeploymentType } from '../spec/deployment-spec';
import { ContainerRequestDto } from './container.dto';
import { MAX_REASON_LENGTH } from '../domain/limits';

export const DEPLOYMENT_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;
export const LABEL_NAME = /^[A-Za-z0-9]([A-Za-z0-9._/-]{0,61}[A-Za-z0-9])?$/;

/** The example that Swagger UI offers: it runs, and anyone may delete it. */
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

/** The body of a deploy request. `readSpec` makes the spec of it. */
export class DeployRequestDto extends ContainerRequestDto {
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

  @ApiPropertyOptional({ default: 1, example: 2, minimum: 1, maximum: 100, type: 'integer' })
  @Optional()
  @IsInt()
  @Min(1)
  @Max(10_000)
  replicas: number = 1;

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

  /** Null when no protection is wanted. Throws `validation_failed` for a reason without a protection. */
  protectionReason(): string | null {
    if (this.protected) return this.protection_reason ?? 'Protected when it was deployed';
    if (this.protection_reason === undefined) return null;
    const detail = 'protection_reason needs protected to be true';
    throw new DomainError('validation_failed', detail, { errors: [{ pointer: '/protection_reason', detail }] });
  }
}

export class ScaleRequestDto {
  @ApiProperty({ example: 3, minimum: 1, maximum: 100, type: 'integer' })
  @IsInt()
  @Min(1)
  @Max(10_000)
  replicas!: number;
}
