import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { Commands, UNCHANGED, type Decided } from '../commands/commands';
import { violatedConstraint } from '../database/postgres-error';
import type { Tx } from '../database/transaction';
import { Events } from '../events/events';
import type { ClaimedJob, JobHandler, JobResult } from '../jobs/job-kinds';
import { isCapacityTaken } from '../nodes/nodes.repository';
import { BulkDeletion } from './bulk-deletion';
import { BulkRestoration } from './bulk-restoration';
import type { LockedOperation, OperationKind } from './operation.types';
import { OperationItemsRepository } from './operation-items.repository';
import { RolledBack, type OperationWork } from './operation-work';
import { OperationsRepository } from './operations.repository';
import { contextOf } from './origin';

/** Nothing is left to do. The progress of an operation is no act of a user, so the audit log does not record it. */
const OVER: Decided<boolean> = { outcome: false, audit: UNCHANGED };

/**
 * Carries out an operation, step by step. Each step is a command of the user who asked for the operation. After a crash
 * it goes on with what is still pending, because a deployment and its item change in one transaction.
 */
@Injectable()
export class RunOperationHandler implements JobHandler {
  readonly kind = 'operation.run';
  readonly concurrency = 4;
  private readonly works: Readonly<Record<OperationKind, OperationWork>>;

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly commands: Commands,
    private readonly operations: OperationsRepository,
    private readonly items: OperationItemsRepository,
    private readonly events: Events,
    deletion: BulkDeletion,
    restoration: BulkRestoration,
  ) {
    this.works = { bulk_delete: deletion, bulk_restore: restoration };
  }

  async handle(job: ClaimedJob, signal: AbortSignal): Promise<JobResult> {
    while (await this.step(job.key)) signal.throwIfAborted();
    return { kind: 'done' };
  }

  /** True when something may be left to do. */
  private async step(id: string): Promise<boolean> {
    const seen = await this.operations.look(this.dataSource.manager, id);
    if (seen?.status !== 'running') return false;
    const context = contextOf(seen);
    try {
      await this.works[seen.kind].prepare?.(seen);
      return await this.commands.run(context, (tx, attempt) => this.stepIn(tx, id, attempt), { retryOn: mayEndOtherwise });
    } catch (error) {
      if (!(error instanceof RolledBack)) throw error;
      return this.commands.run(context, (tx) => this.recordInstead(tx, id, error));
    }
  }

  private async stepIn(tx: Tx, id: string, attempt: number): Promise<Decided<boolean>> {
    const operation = await this.operations.lock(tx, id);
    if (operation?.status !== 'running') return OVER;
    if (!operation.isActive) {
      await this.end(tx, id, { status: 'cancelled', reason: 'The account of the user who asked for it is switched off' });
      return OVER;
    }
    const step = await this.works[operation.kind].step(tx, operation, attempt);
    switch (step.kind) {
      case 'decided':
        await this.items.decide(tx, id, step.outcomes);
        return { outcome: true, audit: step.audit, jobs: step.jobs };
      case 'must_wait':
        await this.wait(tx, operation, step.reason);
        return OVER;
      case 'nothing_pending':
        await this.operations.changeStatus(tx, id, { status: 'completed', reason: null });
        return OVER;
    }
  }

  private async recordInstead(tx: Tx, id: string, { outcomes, end }: RolledBack): Promise<Decided<boolean>> {
    const operation = await this.operations.lock(tx, id);
    if (operation?.status !== 'running') return OVER;
    await this.items.decide(tx, id, outcomes);
    if (end !== null) await this.end(tx, id, { status: 'failed', reason: end });
    return { outcome: end === null, audit: UNCHANGED };
  }

  private async wait(tx: Tx, { id, kind, userId }: LockedOperation, reason: string): Promise<void> {
    await this.operations.changeStatus(tx, id, { status: 'waiting_for_confirmation', reason });
    await this.events.record(tx, [{ type: 'fog.operation.waiting', userId, data: { operation_id: id, kind, reason } }]);
  }

  private async end(tx: Tx, id: string, { status, reason }: { status: 'cancelled' | 'failed'; reason: string }): Promise<void> {
    await this.items.cancelPending(tx, id, reason);
    await this.operations.changeStatus(tx, id, { status, reason });
  }
}

/** Whether a repetition may succeed: another transaction took the capacity or the name after this one had read it. */
const mayEndOtherwise = (error: unknown): boolean => isCapacityTaken(error) || violatedConstraint(error) === 'uq_deployments_live_name';
