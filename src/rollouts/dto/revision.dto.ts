import { ApiProperty } from '@nestjs/swagger';
import { ContainerViewDto } from '../../deployments/dto/container.dto';
import { ResourcesDto } from '../../deployments/dto/deployment-status.dto';
import { REVISION_STATES, type RevisionState } from '../revision-state';

/** One revision of a deployment: what a replica of it runs. */
export class RevisionDto extends ContainerViewDto {
  @ApiProperty({ type: 'integer' })
  revision!: number;

  @ApiProperty({
    enum: REVISION_STATES,
    description: '`previous`: it was current once. `failed`: it was never rolled out whole',
  })
  state!: RevisionState;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'What every replica of the revision runs; null until its first start, and where the engine knows of none',
  })
  image_digest!: string | null;

  @ApiProperty({ type: () => ResourcesDto })
  resources!: ResourcesDto;

  @ApiProperty({ format: 'date-time' })
  created_at!: string;

  @ApiProperty({ type: String, format: 'uuid', nullable: true, description: 'The user' })
  created_by!: string | null;

  @ApiProperty({ type: String, nullable: true, description: 'What it changed; null for the first' })
  reason!: string | null;
}
