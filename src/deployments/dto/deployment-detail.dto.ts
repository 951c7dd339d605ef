import { ApiProperty, IntersectionType } from '@nestjs/swagger';
import { PLACEMENT_STRATEGIES, type PlacementStrategy } from '../../scheduling/place.types';
import { DEPLOYMENT_TYPES, type DeploymentType } from '../spec/deployment-spec';
import { ContainerViewDto } from './container.dto';
import { DeploymentStatusDto } from './deployment-status.dto';
import { PlacementDto } from './placement.dto';

/** The whole deployment: its status, everything that was asked for, and how its replicas were placed. */
export class DeploymentDetailDto extends IntersectionType(DeploymentStatusDto, ContainerViewDto) {
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
