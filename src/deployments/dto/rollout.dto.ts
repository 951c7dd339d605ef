import { ApiProperty } from '@nestjs/swagger';
import { ROLLOUT_STATES, type RolloutState } from '../domain/rollout';

/** A rollout as status, detail and its own route show it. */
export class RolloutDto {
  @ApiProperty({ type: 'integer', description: 'The revision that is rolled out; for a restart the same as `from_revision`' })
  revision!: number;

  @ApiProperty({ type: 'integer', description: 'The revision that was current when it began' })
  from_revision!: number;

  @ApiProperty({ enum: ROLLOUT_STATES })
  state!: RolloutState;

  @ApiProperty({ type: 'integer' })
  target_replicas!: number;

  @ApiProperty({ type: 'integer', description: 'Replicas that this rollout has made' })
  updated_replicas!: number;

  @ApiProperty({ type: 'integer', description: 'Those of them that serve: well for `min_healthy_seconds`, and reached by routers' })
  healthy_replicas!: number;

  @ApiProperty({ type: 'integer', description: 'Replicas of before' })
  old_replicas!: number;

  @ApiProperty({ type: String, nullable: true, description: 'What it waits for, or why it ended as it did, in words' })
  reason!: string | null;

  @ApiProperty({ format: 'date-time' })
  started_at!: string;

  @ApiProperty({ format: 'date-time', description: 'Moves on with every new replica that is healthy' })
  deadline_at!: string;

  @ApiProperty({
    type: String,
    format: 'date-time',
    nullable: true,
    description: 'Null while replicas come or go for it, also on the way back',
  })
  finished_at!: string | null;
}
