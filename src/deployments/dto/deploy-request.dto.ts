import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsBoolean, IsIn, IsInt, Max, Min } from 'class-validator';
import { DomainError } from '../../common/problem/domain-error';
import { IsPlainMap, OptionalOrNull, TextField, type MapRule } from '../../common/validation/fields';
import { NestedField, NestedList } from '../../common/validation/nested';
import { PLACEMENT_STRATEGIES, type PlacementStrategy } from '../../scheduling/place.types';
import { DEPLOYMENT_TYPES, type DeploymentType } from '../spec/deployment-spec';
import { ProjectField } from '../../rights/project-field';
import { LimitedBy } from './configured-limit';
import { ContainerRequestDto } from './container.dto';
import { RolloutPolicyDto } from './rollout-policy.dto';
import { MAX_REASON_LENGTH } from '../domain/limits';
import { RouteRequestDto } from './route.dto';

export const DEPLOYMENT_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;
export const MAX_NAME_LENGTH = 100;
export const LABEL_NAME = /^[A-Za-z0-9]([A-Za-z0-9._/-]{0,61}[A-Za-z0-9])?$/;
export const LABELS_RULE: MapRule = { maxEntries: 64, keyPattern: LABEL_NAME, maxValueLength: 256 };

/** The example that Swagger UI offers: it runs, and anyone may delete it. */
export const DEPLOY_EXAMPLE = {
  name: 'web-api',
  type: 'compute',
  container_image: 'nginxinc/nginx-unprivileged:1.27',
  replicas: 2,
  resources: { cpu: 0.5, memory: 512, gpu: 0, storage: 1 },
  env: { GREETING: 'hello' },
  region: 'us-east',
  ports: [{ container_port: 8080, protocol: 'tcp' }],
  routes: [{ port: 8080 }],
  labels: { team: 'web' },
};

/** The body of a deploy request. `readSpec` makes the spec of it. */
export class DeployRequestDto extends ContainerRequestDto {
  @ApiProperty({
    description: 'Unique among the live deployments of the project',
    example: 'web-api',
    maxLength: MAX_NAME_LENGTH,
    pattern: DEPLOYMENT_NAME.source,
  })
  @TextField({
    max: MAX_NAME_LENGTH,
    pattern: DEPLOYMENT_NAME,
    hint: 'start with a letter or digit and contain only letters, digits, ".", "_" and "-"',
  })
  name!: string;

  @ApiPropertyOptional({ description: 'The name or id of the project that gets it. Default: your personal project', maxLength: 64 })
  @OptionalOrNull()
  @ProjectField()
  project?: string;

  @ApiProperty({ enum: DEPLOYMENT_TYPES, example: 'compute' })
  @IsIn(DEPLOYMENT_TYPES)
  type!: DeploymentType;

  @ApiPropertyOptional({ default: 1, example: 2, minimum: 1, maximum: 100, type: 'integer' })
  @LimitedBy({ maximum: 'MAX_REPLICAS' })
  @OptionalOrNull()
  @IsInt()
  @Min(1)
  @Max(10_000)
  replicas: number = 1;

  @ApiPropertyOptional({ description: 'Where the users are; nearer nodes score higher', default: 'us-east', maxLength: 64 })
  @OptionalOrNull()
  @TextField({ max: 64, pattern: /^[a-z0-9]+(-[a-z0-9]+)*$/, hint: 'be lower-case words joined by hyphens, such as us-east' })
  region: string = 'us-east';

  @ApiPropertyOptional({
    description: '`spread` prefers distinct nodes, `distinct` demands them, `binpack` fills nodes',
    enum: PLACEMENT_STRATEGIES,
    default: 'spread',
  })
  @OptionalOrNull()
  @IsIn(PLACEMENT_STRATEGIES)
  placement_strategy: PlacementStrategy = 'spread';

  @ApiPropertyOptional({ example: { team: 'edge' } })
  @OptionalOrNull({ orEmpty: true })
  @IsPlainMap(LABELS_RULE)
  labels: Record<string, string> = {};

  @ApiPropertyOptional({ description: 'How a change of it is rolled out', type: () => RolloutPolicyDto })
  @OptionalOrNull({ orEmpty: true })
  @NestedField(() => RolloutPolicyDto)
  rollout?: RolloutPolicyDto;

  @ApiPropertyOptional({ description: 'Names under which it is reached; see docs/routes.md', type: () => [RouteRequestDto] })
  @OptionalOrNull()
  @NestedList(() => RouteRequestDto, { maxEntries: 20 })
  routes: RouteRequestDto[] = [];

  @ApiPropertyOptional({ description: 'Refuse to delete it until the protection is lifted', default: false })
  @OptionalOrNull()
  @IsBoolean()
  protected: boolean = false;

  @ApiPropertyOptional({ description: 'Why; only with `protected`', maxLength: MAX_REASON_LENGTH, example: 'Serves production traffic' })
  @OptionalOrNull()
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
  @LimitedBy({ maximum: 'MAX_REPLICAS' })
  @IsInt()
  @Min(1)
  @Max(10_000)
  replicas!: number;
}
