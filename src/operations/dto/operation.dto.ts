import { ApiProperty } from '@nestjs/swagger';
import { isoTime, isoTimeOrNull } from '../../database/json-time';
import { ItemProblemDto } from './item-problem.dto';
import { WorkDto } from '../../deployments/dto/deployment-status.dto';
import {
  ITEM_STATES,
  OPERATION_KINDS,
  OPERATION_STATUSES,
  type ItemState,
  type ItemView,
  type OperationKind,
  type OperationReport,
  type OperationStatus,
  type OperationView,
} from '../operation.types';

export class OperationItemDto {
  @ApiProperty({ format: 'uuid', type: String, nullable: true, description: 'Null: a deployment that was not made' })
  deployment_id!: string | null;

  @ApiProperty({
    description: 'Of a deleted, restored or created one until it is purged, and of one that was not made',
    type: String,
    nullable: true,
  })
  name!: string | null;

  @ApiProperty({ enum: ITEM_STATES })
  state!: ItemState;

  @ApiProperty({ description: 'Why it was refused, for programs', type: String, nullable: true, example: 'not_found' })
  code!: string | null;

  @ApiProperty({ description: 'The same in words', type: String, nullable: true })
  detail!: string | null;

  @ApiProperty({
    description: 'Of a bulk deploy: the whole problem, as a single deploy would have answered it',
    type: () => ItemProblemDto,
    nullable: true,
  })
  problem!: ItemProblemDto | null;

  @ApiProperty({ format: 'date-time', type: String, nullable: true })
  deleted_at!: string | null;

  @ApiProperty({ format: 'date-time', type: String, nullable: true })
  purge_at!: string | null;

  @ApiProperty({ description: 'All containers gone, all capacity released', format: 'date-time', type: String, nullable: true })
  torn_down_at!: string | null;

  static of(item: ItemView): OperationItemDto {
    return {
      deployment_id: item.deploymentId,
      name: item.name,
      state: item.state,
      code: item.code,
      detail: item.detail,
      problem: item.problem && ItemProblemDto.of(item.problem),
      deleted_at: item.deletedAt?.toISOString() ?? null,
      purge_at: item.purgeAt?.toISOString() ?? null,
      torn_down_at: item.tornDownAt?.toISOString() ?? null,
    };
  }
}

export class OperationSummaryDto {
  @ApiProperty({ format: 'uuid' })
  operation_id!: string;

  @ApiProperty({ format: 'uuid', description: 'The same as `operation_id`' })
  id!: string;

  @ApiProperty({ enum: OPERATION_KINDS })
  kind!: OperationKind;

  @ApiProperty({ enum: OPERATION_STATUSES })
  status!: OperationStatus;

  @ApiProperty({ description: 'Why it waits, failed or was cancelled', type: String, nullable: true })
  reason!: string | null;

  @ApiProperty({ format: 'uuid' })
  user_id!: string;

  @ApiProperty()
  all_or_nothing!: boolean;

  @ApiProperty({ type: 'integer' })
  total!: number;

  @ApiProperty({ type: 'integer' })
  pending!: number;

  @ApiProperty({ type: 'integer' })
  deleted!: number;

  @ApiProperty({ type: 'integer' })
  restored!: number;

  @ApiProperty({ type: 'integer', description: 'Deployments that a bulk deploy has made' })
  created!: number;

  @ApiProperty({ type: 'integer' })
  refused!: number;

  @ApiProperty({ type: 'integer' })
  cancelled!: number;

  @ApiProperty({ description: 'Of the deleted: all containers gone and all capacity released', type: 'integer' })
  torn_down!: number;

  @ApiProperty({ format: 'uuid', type: String, nullable: true })
  confirmed_by!: string | null;

  @ApiProperty({ format: 'date-time', type: String, nullable: true })
  confirmed_at!: string | null;

  @ApiProperty({ format: 'date-time' })
  created_at!: string;

  @ApiProperty({ format: 'date-time' })
  updated_at!: string;

  @ApiProperty({ format: 'date-time', type: String, nullable: true })
  finished_at!: string | null;

  @ApiProperty({ type: WorkDto, nullable: true, description: 'The background work, with what it fails at; null when it is not running' })
  work!: WorkDto | null;

  static summary(view: OperationView): OperationSummaryDto {
    return {
      operation_id: view.id,
      id: view.id,
      kind: view.kind,
      status: view.status,
      reason: view.reason,
      user_id: view.userId,
      all_or_nothing: view.allOrNothing,
      total: view.total,
      pending: view.pending,
      deleted: view.deleted,
      restored: view.restored,
      created: view.created,
      refused: view.refused,
      cancelled: view.cancelled,
      torn_down: view.tornDown,
      confirmed_by: view.confirmedBy,
      confirmed_at: view.confirmedAt?.toISOString() ?? null,
      created_at: view.createdAt.toISOString(),
      updated_at: view.updatedAt.toISOString(),
      finished_at: view.finishedAt?.toISOString() ?? null,
      work: view.work && {
        attempts: view.work.attempts,
        last_error: view.work.lastError,
        stuck_since: isoTimeOrNull(view.work.stuckSince),
        next_attempt_at: isoTime(view.work.nextAttemptAt),
      },
    };
  }
}

export class OperationDto extends OperationSummaryDto {
  @ApiProperty({ type: [OperationItemDto], description: 'In the order of the request' })
  items!: OperationItemDto[];

  static of({ operation, items }: OperationReport): OperationDto {
    return { ...OperationSummaryDto.summary(operation), items: items.map((item) => OperationItemDto.of(item)) };
  }
}
