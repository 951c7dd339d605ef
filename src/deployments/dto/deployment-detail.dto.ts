import { ApiProperty, IntersectionType, OmitType } from '@nestjs/swagger';
import { PLACEMENT_STRATEGIES, type PlacementStrategy } from '../../scheduling/place.types';
import { DEPLOYMENT_TYPES, type DeploymentType } from '../spec/deployment-spec';
import { ContainerViewDto } from './container.dto';
import { DeployRequestDto } from './deploy-request.dto';
import { DeploymentStatusDto } from './deployment-status.dto';
import { PlacementDto } from './placement.dto';

/** What a deploy asked for, without what may be secret. */
export class DeploymentSpecDto extends OmitType(DeployRequestDto, ['env', 'project', 'protected', 'protection_reason'] as const) {}

/** What was asked for, as it can be asked for again. */
export class ReadBackDto {
  @ApiProperty({
    type: () => DeploymentSpecDto,
    description: 'What was asked for, in the names of a deploy and with its defaults; add `env` and it makes the same again',
  })
  spec!: Omit<DeploymentSpecDto, 'protectionReason'>;

  @ApiProperty({ description: 'Changes with `spec` and with every value of `env`' })
  spec_hash!: string;

  @ApiProperty({
    type: 'object',
    additionalProperties: { type: 'string' },
    description: 'A keyed hash of every value of `env`, by name: the same value in the same place has the same hash',
  })
  env_hashes!: Record<string, string>;
}

/** The whole deployment: its status, everything that was asked for, and how its replicas were placed. */
export class DeploymentDetailDto extends IntersectionType(DeploymentStatusDto, ContainerViewDto, ReadBackDto) {
  @ApiProperty({ enum: DEPLOYMENT_TYPES })
  type!: DeploymentType;

  @ApiProperty()
  region!: string;

  @ApiProperty({ enum: PLACEMENT_STRATEGIES })
  placement_strategy!: PlacementStrategy;

  @ApiProperty({ type: 'object', additionalProperties: { type: 'string' } })
  labels!: Record<string, string>;

  @ApiProperty({ format: 'uuid', description: 'The owner' })
  user_id!: string;

  @ApiProperty({ type: 'integer', description: 'Begins at 1; every start and retry begins a new one' })
  generation!: number;

  @ApiProperty({ type: () => [PlacementDto], description: 'The last ten placements, newest first' })
  placements!: PlacementDto[];
}
