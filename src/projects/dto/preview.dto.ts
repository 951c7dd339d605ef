import { ApiProperty } from '@nestjs/swagger';
import type { DomainError } from '../../common/problem/domain-error';

/** A reason why something cannot be done now, as the request itself would be refused. */
export class ObstacleDto {
  @ApiProperty({ example: 'quota_exceeded' })
  code!: string;

  @ApiProperty()
  detail!: string;

  static of({ code, detail }: DomainError): ObstacleDto {
    return { code, detail };
  }
}

class PossibleDto {
  @ApiProperty({ enum: [true] })
  dry_run!: true;

  @ApiProperty()
  possible!: boolean;

  @ApiProperty({ type: [ObstacleDto], description: 'Empty when it is possible' })
  obstacles!: ObstacleDto[];
}

/** Where a deployment would be after a move. */
export class MovePreviewDto extends PossibleDto {
  @ApiProperty({ format: 'uuid' })
  deployment_id!: string;

  @ApiProperty({ format: 'uuid' })
  project_id!: string;

  @ApiProperty()
  project!: string;

  @ApiProperty({ format: 'uuid', description: 'In whose quota it would count' })
  user_id!: string;
}

/** What goes with a project. */
export class ProjectDeletionPreviewDto extends PossibleDto {
  @ApiProperty({ format: 'uuid' })
  project_id!: string;

  @ApiProperty({ type: 'integer', description: 'They prevent it' })
  live_deployments!: number;

  @ApiProperty({ type: 'integer', description: 'Deleted ones that could not be restored any more' })
  kept_deployments!: number;

  @ApiProperty({
    type: [String],
    description: 'Volumes that would be removed at once; what kept deployments mount goes with the last of them',
  })
  volumes!: string[];

  @ApiProperty({ type: 'integer', description: 'Who would no longer see it' })
  members!: number;
}
