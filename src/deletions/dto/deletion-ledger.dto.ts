import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Optional, QueryInteger } from '../../common/validation/fields';
import { LEDGER_STATES, LEDGER_STEPS, STEP_STATES, type Ledger, type LedgerStep } from '../deletion-ledger';
import type { DeletionRow } from '../deletion-ledger.repository';

const MAX_GENERATION = 2_147_483_647;

export class DeletionLedgerQueryDto {
  @ApiPropertyOptional({
    description: 'Of a deployment that was deleted several times; default: the newest deletion',
    type: 'integer',
    minimum: 1,
  })
  @Optional()
  @QueryInteger({ min: 1, max: MAX_GENERATION })
  generation?: number;
}

const NullableTime = (description?: string): PropertyDecorator =>
  ApiProperty({ type: String, format: 'date-time', nullable: true, ...(description === undefined ? {} : { description }) });

/** One line of the ledger. */
export class LedgerStepDto {
  @ApiProperty({ enum: LEDGER_STEPS })
  step!: LedgerStep['step'];

  @ApiProperty({ enum: STEP_STATES, description: '`waiting`: for a node, a retry or the end of `keep_warm`; `detail` says for what' })
  state!: LedgerStep['state'];

  @ApiProperty({ type: String, format: 'uuid', nullable: true, description: 'Null: a step of the whole deployment' })
  replica_id!: string | null;

  @ApiProperty({ type: String, format: 'uuid', nullable: true })
  node_id!: string | null;

  @ApiProperty({ type: String, nullable: true })
  node_name!: string | null;

  @ApiProperty()
  detail!: string;

  @ApiProperty({ type: 'integer', description: 'How often an engine was asked in vain' })
  attempts!: number;

  @ApiProperty({ type: String, nullable: true })
  last_error!: string | null;

  @NullableTime()
  next_retry_at!: string | null;

  @NullableTime('When it was done or given up')
  at!: string | null;
}

/** How far a deletion is, step by step. */
export class DeletionLedgerDto {
  @ApiProperty({ format: 'uuid' })
  deployment_id!: string;

  @ApiProperty({ type: 'integer', description: 'The generation that was deleted' })
  generation!: number;

  @ApiProperty({ enum: LEDGER_STATES })
  state!: Ledger['state'];

  @NullableTime('Since when it does not get on; null: it does, or it is over')
  stuck_since!: string | null;

  @ApiProperty({ type: [String], description: 'Names of the nodes that do not answer; the stop is delivered when they return' })
  waiting_for_nodes!: string[];

  @ApiProperty({ type: String, format: 'uuid', nullable: true })
  requested_by!: string | null;

  @ApiProperty({ type: String, nullable: true })
  request_id!: string | null;

  @ApiProperty({ type: String, format: 'uuid', nullable: true, description: 'The bulk operation that it was a part of' })
  operation_id!: string | null;

  @ApiProperty({ type: 'integer' })
  grace_seconds!: number;

  @ApiProperty()
  force!: boolean;

  @NullableTime('Until then the stopped containers are kept for a restore')
  held_until!: string | null;

  @ApiProperty({ format: 'date-time' })
  decided_at!: string;

  @NullableTime()
  completed_at!: string | null;

  @NullableTime()
  restored_at!: string | null;

  @NullableTime('Null when the deployment was restored')
  purge_at!: string | null;

  @ApiProperty({ example: '30 days, the default' })
  retention_policy!: string;

  @ApiProperty({ type: () => [LedgerStepDto] })
  steps!: LedgerStepDto[];

  static from(id: string, deletion: DeletionRow, ledger: Ledger): DeletionLedgerDto {
    return {
      deployment_id: id,
      generation: deletion.generation,
      state: ledger.state,
      stuck_since: ledger.stuckSince,
      waiting_for_nodes: [...ledger.waitingForNodes],
      requested_by: deletion.requestedBy,
      request_id: deletion.requestId,
      operation_id: deletion.operationId,
      grace_seconds: deletion.graceSeconds,
      force: deletion.force,
      held_until: deletion.warmUntil,
      decided_at: deletion.decidedAt,
      completed_at: deletion.completedAt,
      restored_at: deletion.restoredAt,
      purge_at: deletion.purgeAt,
      retention_policy: deletion.retentionPolicy,
      steps: ledger.steps.map(toStep),
    };
  }
}

const toStep = ({ step, state, replica, detail, attempts, lastError, nextRetryAt, at }: LedgerStep): LedgerStepDto => ({
  step,
  state,
  replica_id: replica?.id ?? null,
  node_id: replica?.nodeId ?? null,
  node_name: replica?.nodeName ?? null,
  detail,
  attempts,
  last_error: lastError,
  next_retry_at: nextRetryAt,
  at,
});
