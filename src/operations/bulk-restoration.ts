import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { DomainError } from '../common/problem/domain-error';
import type { Tx } from '../database/transaction';
import { RestoreService } from '../restores/restore.service';
import type { ItemOutcome, KnownOperation, LockedOperation } from './operation.types';
import { OperationItemsRepository } from './operation-items.repository';
import { RolledBack, type OperationWork, type Step } from './operation-work';
import { contextOf } from './origin';

/** Restores one deployment per transaction, exactly as a single restore does: with new placements, or refused. */
@Injectable()
export class BulkRestoration implements OperationWork {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly items: OperationItemsRepository,
    private readonly restores: RestoreService,
  ) {}

  async prepare(operation: KnownOperation): Promise<void> {
    const [id] = await this.items.pending(this.dataSource.manager, operation.id, 1);
    if (!operation.isActive || id === undefined) return;
    await orRolledBack(id, () => this.restores.look({ id, name: null }, contextOf(operation)));
  }

  async step(tx: Tx, operation: LockedOperation, attempt: number): Promise<Step> {
    const [id] = await this.items.pending(tx, operation.id, 1);
    if (id === undefined) return { kind: 'nothing_pending' };
    const order = { id, name: null, attempt };
    const { audit, jobs } = await orRolledBack(id, () => this.restores.restoreIn(tx, order, contextOf(operation)));
    const outcome: ItemOutcome = { deploymentId: id, state: 'restored', code: null, detail: null };
    return { kind: 'decided', outcomes: [outcome], audit: [audit], jobs };
  }
}

/** Makes the refusal of one deployment its outcome. The operation goes on with the next. */
async function orRolledBack<T>(deploymentId: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof DomainError) || error.status >= 500) throw error;
    const outcome: ItemOutcome = { deploymentId, state: 'refused', code: error.code, detail: error.detail };
    throw new RolledBack([outcome], null);
  }
}
