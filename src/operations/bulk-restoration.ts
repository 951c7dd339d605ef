import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { DomainError } from '../common/problem/domain-error';
import type { Tx } from '../database/transaction';
import { RestoreService } from '../restores/restore.service';
import type { ItemOutcome, KnownOperation, LockedOperation } from './operation.types';
import { contextOf, RolledBack, type OperationWork } from './operation-work';
import { OperationsRepository } from './operations.repository';

/** Restores one deployment a transaction, exactly as a single restore does: places are taken, or it is refused. */
@Injectable()
export class BulkRestoration implements OperationWork {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly operations: OperationsRepository,
    private readonly restores: RestoreService,
  ) {}

  async prepare(operation: KnownOperation): Promise<void> {
    const [deploymentId] = await this.operations.pending(this.dataSource.manager, operation.id, 1);
    if (!operation.isActive || deploymentId === undefined) return;
    await refusalsOf(deploymentId, () => this.restores.look(deploymentId, null, contextOf(operation)));
  }

  async step(tx: Tx, operation: LockedOperation, attempt: number): Promise<boolean> {
    const [deploymentId] = await this.operations.pending(tx, operation.id, 1);
    if (deploymentId === undefined) return false;
    await refusalsOf(deploymentId, () => this.restores.restoreIn(tx, deploymentId, null, contextOf(operation), attempt));
    await this.operations.decided(tx, operation.id, [{ deploymentId, state: 'restored', code: null, detail: null }]);
    return true;
  }
}

/** Turns the refusal of one deployment into its outcome; the operation goes on with the next. */
async function refusalsOf(deploymentId: string, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof DomainError) || error.status >= 500) throw error;
    const outcome: ItemOutcome = { deploymentId, state: 'refused', code: error.code, detail: error.detail };
    throw new RolledBack([outcome], null);
  }
}
