import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { EmptyBodyAllowed } from '../../common/validation/empty-body';
import { OptionalOrNull, TextField } from '../../common/validation/fields';
import { DEPLOYMENT_NAME } from '../../deployments/dto/deploy-request.dto';
import { PlacementExplanationDto } from '../../deployments/dto/placement.dto';

@EmptyBodyAllowed()
export class RestoreRequestDto {
  @ApiPropertyOptional({ description: 'Another name, for when the old one is taken', example: 'web-api-2', maxLength: 100 })
  @OptionalOrNull()
  @TextField({
    max: 100,
    pattern: DEPLOYMENT_NAME,
    hint: 'start with a letter or digit and contain only letters, digits, ".", "_" and "-"',
  })
  name?: string;
}

export class RestoredDto {
  @ApiProperty({ enum: [true] })
  success!: true;

  @ApiProperty({ format: 'uuid' })
  deployment_id!: string;

  @ApiProperty()
  name!: string;

  @ApiProperty({ description: '`stopped` for a deployment that was stopped when it was deleted', enum: ['scheduled', 'stopped'] })
  status!: 'scheduled' | 'stopped';

  @ApiProperty({ description: 'Containers of older generations have nothing to do with it', type: 'integer' })
  generation!: number;

  @ApiProperty({ description: 'Replicas that are wanted', type: 'integer' })
  replicas!: number;

  @ApiProperty({ description: 'Of these, how many go on in containers that were kept warm', type: 'integer' })
  replicas_warm!: number;

  @ApiProperty({ type: [String], description: 'Its routes that others have taken since the deletion; it comes back without them' })
  routes_lost!: string[];

  @ApiProperty({ example: 'Deployment restored; 3 replicas are starting. Use /status/{deployment_id} to track progress.' })
  message!: string;
}

/** A reason why the deployment cannot be restored. */
export class RestoreObstacleDto {
  @ApiProperty({ example: 'name_taken' })
  code!: string;

  @ApiProperty()
  detail!: string;
}

export class RestorePreviewDto {
  @ApiProperty({ enum: [true] })
  dry_run!: true;

  @ApiProperty()
  possible!: boolean;

  @ApiProperty({ type: [RestoreObstacleDto], description: 'Empty when it is possible' })
  obstacles!: RestoreObstacleDto[];

  @ApiProperty()
  name!: string;

  @ApiProperty({ enum: ['scheduled', 'stopped'] })
  status!: 'scheduled' | 'stopped';

  @ApiProperty({ type: 'integer' })
  replicas!: number;

  @ApiProperty({ type: 'integer' })
  replicas_warm!: number;

  @ApiProperty({
    description: 'Whether a node has the image or can get it; unknown when the engines cannot tell or no new container is needed',
    enum: ['available', 'unavailable', 'unknown'],
  })
  image!: 'available' | 'unavailable' | 'unknown';

  @ApiProperty({ description: 'When it would be purged otherwise', format: 'date-time', type: String, nullable: true })
  purge_at!: string | null;

  @ApiProperty({
    description: 'Where the other replicas would go; null when none need a place',
    type: PlacementExplanationDto,
    nullable: true,
  })
  placement!: PlacementExplanationDto | null;
}
