import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { violatedConstraint } from '../database/postgres-error';
import { inTransaction, type Tx } from '../database/transaction';
import type { ClaimedJob, JobHandler, JobResult } from '../jobs/job-kinds';
import { isCapacityTaken } from '../nodes/nodes.repository';
import { BulkDeletion } from './bulk-deletion';
import { BulkRestoration } from './bulk-restoration';
import type { OperationKind } from './operation.types';
import { RolledBack, type OperationWork } from './operation-work';
import { OperationsRepository } from './operations.repository';

/**
 * Works an operation off, step by step. Killed in between, it goes on with what is still pending: a deployment and its item
 * change together or not at all.
 */
@Injectable()
export class RunOperationHandler implements JobHandler {
  readonly kind = 'operation.run';
  readonly concurrency = 4;
  private readonly works: Readonly<Record<OperationKind, OperationWork>>;

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly operations: OperationsRepository,
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
    try {
      await this.works[seen.kind].prepare?.(seen);
      return await inTransaction(this.dataSource, (tx, attempt) => this.stepIn(tx, id, attempt), { retryOn: mayEndOtherwise });
    } catch (error) {
      if (!(error instanceof RolledBack)) throw error;
      return inTransaction(this.dataSource, (tx) => this.recordInstead(tx, id, error));
    }
  }

  private async stepIn(tx: Tx, id: string, attempt: number): Promise<boolean> {
    const operation = await this.operations.lock(tx, id);
    if (operation?.status !== 'running') return false;
    if (!operation.isActive) {
      const reason = 'The account of the user who asked for it is switched off';
      await this.operations.cancelPending(tx, id, reason);
      await this.operations.changeStatus(tx, id, 'cancelled', reason);
      return false;
    }
    if (await this.works[operation.kind].step(tx, operation, attempt)) return true;
    await this.operations.changeStatus(tx, id, 'completed', null);
    return false;
  }

  private async recordInstead(tx: Tx, id: string, { outcomes, end }: RolledBack): Promise<boolean> {
    const operation = await this.operations.lock(tx, id);
    if (operation?.status !== 'running') return false;
    await this.operations.decided(tx, id, outcomes);
    if (end === null) return true;
    await this.operations.cancelPending(tx, id, end);
    await this.operations.changeStatus(tx, id, 'failed', end);
    return false;
  }
}

/** Others took the capacity, or the name, since it was read. */
const mayEndOtherwise = (error: unknown): boolean => isCapacityTaken(error) || violatedConstraint(error) === 'uq_deployments_live_name';
