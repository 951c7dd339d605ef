import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsInt, Max, Min } from 'class-validator';
import { OptionalOrNull } from '../../common/validation/fields';
import { DEFAULT_ROLLOUT_POLICY, ROLLOUT_FAILURE_ACTIONS, type RolloutFailureAction } from '../domain/rollout';

/** How a deployment goes from one revision to the next. `readPolicy` makes the policy of it. */
export class RolloutPolicyDto {
  @ApiPropertyOptional({
    description: 'How many replicas more than wanted there may be meanwhile; not 0 when `max_unavailable` is 0',
    default: 1,
    minimum: 0,
    maximum: 100,
    type: 'integer',
  })
  @OptionalOrNull()
  @IsInt()
  @Min(0)
  @Max(100)
  max_surge: number = DEFAULT_ROLLOUT_POLICY.maxSurge;

  @ApiPropertyOptional({
    description: 'How many of the wanted replicas may be missing meanwhile',
    default: 0,
    minimum: 0,
    maximum: 100,
    type: 'integer',
  })
  @OptionalOrNull()
  @IsInt()
  @Min(0)
  @Max(100)
  max_unavailable: number = DEFAULT_ROLLOUT_POLICY.maxUnavailable;

  @ApiPropertyOptional({
    description: 'For how long a new replica must have run before it counts',
    default: 5,
    minimum: 0,
    maximum: 3_600,
    type: 'integer',
  })
  @OptionalOrNull()
  @IsInt()
  @Min(0)
  @Max(3_600)
  min_healthy_seconds: number = DEFAULT_ROLLOUT_POLICY.minHealthySeconds;

  @ApiPropertyOptional({
    description: 'A rollout in which nothing gets better for so long ends as `on_failure` says; longer than `min_healthy_seconds`',
    default: 600,
    minimum: 1,
    maximum: 86_400,
    type: 'integer',
  })
  @OptionalOrNull()
  @IsInt()
  @Min(1)
  @Max(86_400)
  progress_deadline_seconds: number = DEFAULT_ROLLOUT_POLICY.progressDeadlineSeconds;

  @ApiPropertyOptional({
    description: '`rollback` brings the replicas from before back, `pause` leaves everything as it is and waits for you',
    enum: ROLLOUT_FAILURE_ACTIONS,
    default: 'rollback',
  })
  @OptionalOrNull()
  @IsIn(ROLLOUT_FAILURE_ACTIONS)
  on_failure: RolloutFailureAction = DEFAULT_ROLLOUT_POLICY.onFailure;
}
