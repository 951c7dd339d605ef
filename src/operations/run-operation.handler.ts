import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { Commands, UNCHANGED, type Decided } from '../commands/commands';
import { StandingLost } from '../commands/standing';
import { violatedConstraint } from '../database/postgres-error';
import type { Tx } from '../database/transaction';
import { Events } from '../events/events';
import type { ClaimedJob, JobHandler, JobResult } from '../jobs/job-kinds';
import { isCapacityTaken } from '../nodes/nodes.repository';
import { BulkDeletion } from './bulk-deletion';
import { BulkRestoration } from './bulk-restoration';
import type { ItemOutcome, WorkedKind } from './operation.types';
import { OperationItemsRepository } from './operation-items.repository';
import { Braked, RolledBack, type OperationWork } from './operation-work';
import { OperationsRepository } from './operations.repository';
import { contextOf } from './origin';

/** Nothing is left to do. The progress of an operation is no act of a user, so the audit log does not record it. */
const OVER: Decided<boolean> = { outcome: false, audit: UNCHANGED };

/** How long one operation is worked on before it goes to the end of the queue. */
const TURN_MS = 250;

/**
 * Carries out an operation, step by step. Each step is a command of the user who asked for the operation. After a crash
 * it goes on with what is still pending, because a deployment and its item change in one transaction. However many
 * operations a user has, they take one place of this process, and they take turns with those of others.
 */
@Injectable()
export class RunOperationHandler implements JobHandler {
  readonly kind = 'operation.run';
  readonly concurrency = 4;
  /** The users whose operations this process is working on. */
  private readonly owners = new Set<string>();
  private readonly works: Readonly<Record<WorkedKind, OperationWork>>;

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
    const owner = (await this.operations.look(this.dataSource.manager, job.key))?.userId;
    if (owner === undefined) return { kind: 'done' };
    if (this.owners.has(owner)) return { kind: 'again', afterMs: TURN_MS };
    this.owners.add(owner);
    try {
      return await this.takeTurn(job.key, signal);
    } finally {
      this.owners.delete(owner);
    }
  }

  private async takeTurn(id: string, signal: AbortSignal): Promise<JobResult> {
    const end = performance.now() + TURN_MS;
    while (await this.step(id)) {
      signal.throwIfAborted();
      if (performance.now() > end) return { kind: 'again', afterMs: 0 };
    }
    return { kind: 'done' };
  }

  /** True when something may be left to do. */
  private async step(id: string): Promise<boolean> {
    const seen = await this.operations.look(this.dataSource.manager, id);
    if (seen?.status !== 'running' || seen.kind === 'bulk_deploy') return false;
    const context = contextOf(seen);
    try {
      await this.works[seen.kind].prepare?.(seen);
      return await this.commands.run(context, (tx, attempt) => this.stepIn(tx, id, attempt), { retryOn: mayEndOtherwise });
    } catch (error) {
      // The user was switched off, or is no administrator any more: the next step goes by the rights of now.
      if (error instanceof StandingLost) return true;
      if (error instanceof Braked) return this.commands.run(context, (tx) => this.waitInstead(tx, id, error));
      if (!(error instanceof RolledBack)) throw error;
      return this.commands.run(context, (tx) => this.recordInstead(tx, id, error));
    }
  }

  private async stepIn(tx: Tx, id: string, attempt: number): Promise<Decided<boolean>> {
    const operation = await this.operations.lock(tx, id);
    if (operation?.status !== 'running' || operation.kind === 'bulk_deploy') return OVER;
    if (!operation.isActive) {
      await this.end(tx, id, { status: 'cancelled', reason: 'The account of the user who asked for it is switched off' });
      return OVER;
    }
    const step = await this.works[operation.kind].step(tx, operation, attempt);
    switch (step.kind) {
      case 'decided':
        return { outcome: await this.decide(tx, id, step.outcomes), audit: step.audit, jobs: step.jobs };
      case 'nothing_pending':
        await this.operations.changeStatus(tx, id, { status: 'completed', reason: null });
        return OVER;
    }
  }

  private async recordInstead(tx: Tx, id: string, { outcomes, end }: RolledBack): Promise<Decided<boolean>> {
    const operation = await this.operations.lock(tx, id);
    if (operation?.status !== 'running') return OVER;
    if (end === null) return { outcome: await this.decide(tx, id, outcomes), audit: UNCHANGED };
    await this.items.decide(tx, id, outcomes);
    await this.end(tx, id, { status: 'failed', reason: end });
    return OVER;
  }

  /**
   * Records the outcomes; true when deployments are left. With the last one the operation is completed in the same
   * transaction, so whatever ends an operation afterwards cannot give it another end.
   */
  private async decide(tx: Tx, id: string, outcomes: readonly ItemOutcome[]): Promise<boolean> {
    const left = await this.items.decide(tx, id, outcomes);
    if (left > 0) return true;
    await this.operations.changeStatus(tx, id, { status: 'completed', reason: null });
    return false;
  }

  private async waitInstead(tx: Tx, id: string, { words }: Braked): Promise<Decided<boolean>> {
    const operation = await this.operations.lock(tx, id);
    if (operation?.status !== 'running') return OVER;
    // An administrator may have confirmed it between the two transactions.
    if (operation.confirmed) return { outcome: true, audit: UNCHANGED };
    const { forUser: reason, forAdministrators: adminReason } = words;
    await this.operations.changeStatus(tx, id, { status: 'waiting_for_confirmation', reason, adminReason });
    const data = { operation_id: id, kind: operation.kind, reason };
    await this.events.record(tx, [{ type: 'fog.operation.waiting', userId: operation.userId, data }]);
    return OVER;
  }

  private async end(tx: Tx, id: string, { status, reason }: { status: 'cancelled' | 'failed'; reason: string }): Promise<void> {
    await this.items.cancelPending(tx, id, reason);
    await this.operations.changeStatus(tx, id, { status, reason });
  }
}

/** Whether a repetition may succeed: another transaction took the capacity or the name after this one had read it. */
const mayEndOtherwise = (error: unknown): boolean => isCapacityTaken(error) || violatedConstraint(error) === 'uq_deployments_live_name';
