import { ApiProperty } from '@nestjs/swagger';
import { ProjectField } from '../../rights/project-field';

export class MoveRequestDto {
  @ApiProperty({ description: 'The name or id of the project', maxLength: 64, example: 'web-team' })
  @ProjectField()
  project!: string;
}

export class MovedDto {
  @ApiProperty({ enum: [true] })
  success!: true;

  @ApiProperty({ format: 'uuid' })
  deployment_id!: string;

  @ApiProperty({ format: 'uuid' })
  project_id!: string;

  @ApiProperty({ description: 'The name of the project that it is in now' })
  project!: string;

  @ApiProperty({ example: 'Moved to project web-team' })
  message!: string;
}
