import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import type { TeardownState } from '../teardown-watch';

/** The answer to a delete: what is true when it is given. */
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

  @ApiProperty({ example: 'Deployment and 3 replicas deleted successfully' })
  message!: string;

  static of(id: string, deletedAt: Date, teardown: TeardownState): DeletionAnswerDto {
    return {
      success: true,
      deployment_id: id,
      status: 'deleted',
      replicas_stopped: teardown.stopped,
      ...(teardown.complete ? {} : { replicas_stopping: teardown.stopping }),
      resources_released: teardown.released,
      deleted_at: deletedAt.toISOString(),
      message: teardown.complete
        ? `Deployment and ${teardown.stopped} replicas deleted successfully`
        : `Deployment deleted; ${teardown.stopping} replicas are still stopping. Use /status/${id}?include_deleted=true to follow.`,
    };
  }
}
