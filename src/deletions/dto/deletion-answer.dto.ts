import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import type { TeardownState } from '../teardown-watch';

/** The times of a decided deletion that its answer tells. */
interface DeletionTimes {
  readonly id: string;
  readonly deletedAt: Date;
  readonly purgeAt: Date;
  readonly warmUntil: Date | null;
}

/** The answer to a delete, with the state at that moment. */
export class DeletionAnswerDto {
  @ApiProperty({ enum: [true] })
  success!: true;

  @ApiProperty({ format: 'uuid' })
  deployment_id!: string;

  @ApiProperty({ enum: ['deleted'] })
  status!: 'deleted';

  @ApiProperty({ description: 'Replicas that were running or starting and are confirmed stopped', type: 'integer' })
  replicas_stopped!: number;

  @ApiPropertyOptional({ description: 'Only in a 202: replicas whose engine has not confirmed the stop yet', type: 'integer' })
  replicas_stopping?: number;

  @ApiProperty({ description: 'True only when no reservation is left open' })
  resources_released!: boolean;

  @ApiProperty({ format: 'date-time' })
  deleted_at!: string;

  @ApiProperty({ format: 'date-time', description: 'When the records may be purged for good' })
  purge_at!: string;

  @ApiPropertyOptional({
    format: 'date-time',
    description: 'Only with `keep_warm`: until then the stopped containers and their reservations are kept for a restore',
  })
  held_until?: string;

  @ApiProperty({ example: 'Deployment and 3 replicas deleted successfully' })
  message!: string;

  static of({ id, deletedAt, purgeAt, warmUntil }: DeletionTimes, teardown: TeardownState): DeletionAnswerDto {
    return {
      success: true,
      deployment_id: id,
      status: 'deleted',
      replicas_stopped: teardown.stopped,
      ...(teardown.complete ? {} : { replicas_stopping: teardown.stopping }),
      resources_released: teardown.released,
      deleted_at: deletedAt.toISOString(),
      purge_at: purgeAt.toISOString(),
      ...(warmUntil ? { held_until: warmUntil.toISOString() } : {}),
      message: words(id, warmUntil, teardown),
    };
  }
}

function words(id: string, warmUntil: Date | null, teardown: TeardownState): string {
  if (!teardown.complete) {
    return `Deployment deleted; ${teardown.stopping} replicas are still stopping. Use /status/${id}?include_deleted=true to follow.`;
  }
  if (warmUntil && !teardown.released) {
    return `Deployment deleted; ${teardown.stopped} replicas are stopped and kept for a restore until ${warmUntil.toISOString()}`;
  }
  return `Deployment and ${teardown.stopped} replicas deleted successfully`;
}
