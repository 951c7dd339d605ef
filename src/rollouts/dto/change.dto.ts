import { ApiProperty, ApiPropertyOptional, IntersectionType, OmitType, PartialType } from '@nestjs/swagger';
import { IsInt, Max, Min } from 'class-validator';
import { EmptyBodyAllowed } from '../../common/validation/empty-body';
import { DryRunQueryDto } from '../../common/validation/dry-run.query.dto';
import { mapSchema, Optional, OptionalOrNull, TextField } from '../../common/validation/fields';
import { DEPLOYMENT_STATUSES, type DeploymentStatus } from '../../deployments/domain/deployment-status';
import { ENV_RULE, ResourcesRequestDto, SECRET_ENV_RULE } from '../../deployments/dto/container.dto';
import { DEPLOY_EXAMPLE, DEPLOYMENT_NAME, DeployRequestDto, LABELS_RULE } from '../../deployments/dto/deploy-request.dto';
import { HealthCheckDto, HttpCheckDto } from '../../deployments/dto/health-check.dto';
import { PlacementExplanationDto } from '../../deployments/dto/placement.dto';
import { RolloutPolicyDto } from '../../deployments/dto/rollout-policy.dto';
import { RolloutDto } from '../../deployments/dto/rollout.dto';
import { ProjectField } from '../../rights/project-field';
import { CHANGE_RESULTS, type ChangeResult } from '../change.types';
import type { Difference } from '../differences';

export const CHANGE_EXAMPLE = { container_image: 'nginxinc/nginx-unprivileged:1.28', env: { GREETING: 'hello again' } };

/** A deploy body without its name. */
export const NAMED_EXAMPLE = Object.fromEntries(Object.entries(DEPLOY_EXAMPLE).filter(([member]) => member !== 'name'));

class ResourcesChangeDto extends PartialType(ResourcesRequestDto) {}
class RolloutPolicyChangeDto extends PartialType(RolloutPolicyDto) {}
class HttpCheckChangeDto extends PartialType(HttpCheckDto) {}

class HealthCheckChangeDto extends PartialType(OmitType(HealthCheckDto, ['http'] as const)) {
  @ApiPropertyOptional({ description: 'A GET at a port of the container', type: () => HttpCheckChangeDto })
  http?: HttpCheckChangeDto;
}

/** Members that only a whole deployment has. */
const OF_WHOLE_THINGS = ['name', 'project', 'type'] as const;
/** Objects, which a patch need not give whole. */
const MERGED = ['resources', 'env', 'secret_env', 'labels', 'health_check', 'rollout'] as const;

/**
 * A merge patch of a deploy body (RFC 7396), for the document only: what counts is the result of the merge, which is checked as a
 * deploy body is.
 */
export class DeploymentChangeDto extends PartialType(OmitType(DeployRequestDto, [...OF_WHOLE_THINGS, ...MERGED])) {
  @ApiPropertyOptional({ type: () => ResourcesChangeDto })
  resources?: ResourcesChangeDto;

  @ApiPropertyOptional({
    description: 'Sets single variables; `null` takes one away. The values are never returned, logged or put in events',
    ...mapSchema(ENV_RULE, { entriesMayBeNull: true }),
    example: { GREETING: 'hello again' },
  })
  env?: Record<string, string | null>;

  @ApiPropertyOptional({
    description: 'Likewise, with the names of secrets',
    ...mapSchema(SECRET_ENV_RULE, { entriesMayBeNull: true }),
  })
  secret_env?: Record<string, string | null>;

  @ApiPropertyOptional({
    description: 'Sets single labels; `null` takes one away',
    ...mapSchema(LABELS_RULE, { entriesMayBeNull: true }),
    example: { team: 'edge' },
  })
  labels?: Record<string, string | null>;

  @ApiPropertyOptional({
    description: 'Changes single members of the check; another kind takes the place of the one that it has',
    type: () => HealthCheckChangeDto,
  })
  health_check?: HealthCheckChangeDto;

  @ApiPropertyOptional({ description: 'Changes single members of the policy', type: () => RolloutPolicyChangeDto })
  rollout?: RolloutPolicyChangeDto;
}

/** A whole deploy body whose name stands in the path. For the document only; it is checked as a deploy body is. */
export class NamedDeploymentDto extends OmitType(DeployRequestDto, ['name', 'project'] as const) {}

/** The name of a deployment in a path. */
export class NameParamDto {
  @ApiProperty({ description: 'Of a live deployment of the project', example: 'web-api' })
  @TextField({
    max: 100,
    pattern: DEPLOYMENT_NAME,
    hint: 'start with a letter or digit and contain only letters, digits, ".", "_" and "-"',
  })
  name!: string;
}

/** Where a name is looked for. */
export class InProjectQueryDto {
  @ApiPropertyOptional({ description: 'The name or id of its project. Default: your personal project', maxLength: 64 })
  @Optional()
  @ProjectField()
  project?: string;
}

export class ApplyQueryDto extends IntersectionType(InProjectQueryDto, DryRunQueryDto) {}

@EmptyBodyAllowed()
export class RollbackRequestDto {
  @ApiPropertyOptional({ description: 'Default: the newest that was current before', minimum: 1, type: 'integer' })
  @OptionalOrNull()
  @IsInt()
  @Min(1)
  @Max(2_147_483_647)
  revision?: number;
}

/** The answer to every change of what a deployment runs. */
export class DeploymentChangedDto {
  @ApiProperty({ enum: [true] })
  success!: true;

  @ApiProperty({ format: 'uuid' })
  deployment_id!: string;

  @ApiProperty({ enum: DEPLOYMENT_STATUSES, description: 'A change leaves it as it is' })
  status!: DeploymentStatus;

  @ApiProperty({ type: 'integer', description: 'The revision that is wanted from now on' })
  revision!: number;

  @ApiProperty({ type: () => RolloutDto, nullable: true, description: 'The newest rollout; null when there was none' })
  rollout!: RolloutDto | null;

  @ApiProperty({
    enum: CHANGE_RESULTS,
    description: '`rolling_out`: there is something new to run. `updated`: only what is beside the revisions has changed',
  })
  result!: ChangeResult;

  @ApiProperty({ example: 'Rolling out revision 2' })
  message!: string;
}

/** `from` and `to` have the type of the member, which no one type says. */
const DIFFERENCE = {
  type: 'object' as const,
  required: ['field', 'from', 'to'],
  properties: {
    field: { type: 'string', example: 'resources.memory' },
    from: { description: 'Null: it is not there. Values of `env` are hidden', example: 512 },
    to: { description: 'Likewise', example: 1024 },
  },
};

/** What a change would do. Nothing was written. */
export class ChangePreviewDto {
  @ApiProperty({ enum: [true] })
  dry_run!: true;

  @ApiProperty({ enum: CHANGE_RESULTS })
  result!: ChangeResult;

  @ApiProperty({ description: 'Whether it would make a new revision' })
  new_revision!: boolean;

  @ApiProperty({ type: 'array', items: DIFFERENCE, description: 'Empty for a deployment that would be created' })
  changes!: Difference[];

  @ApiProperty({ description: 'True when the replicas that would be placed at once have a place now' })
  schedulable!: boolean;

  @ApiProperty({ example: 'All 1 replicas would be placed' })
  message!: string;

  @ApiProperty({ type: () => PlacementExplanationDto, nullable: true, description: 'Null when no replica would be placed' })
  placement!: PlacementExplanationDto | null;
}
