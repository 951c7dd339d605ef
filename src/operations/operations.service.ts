import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { Audit } from '../audit/audit';
import { DomainError } from '../common/problem/domain-error';
import type { Actor, RequestContext } from '../common/request-context';
import { isUuid } from '../common/uuid';
import { whoseToList } from '../common/visibility';
import { inTransaction, type Tx } from '../database/transaction';
import { IdempotencyService } from '../idempotency/idempotency.service';
import { JobQueue } from '../jobs/job-queue';
import { ProgressWatch } from '../jobs/progress-watch';
import { OperationDto, OperationSummaryDto } from './dto/operation.dto';
import { OperationViewsRepository } from './operation-views.repository';
import type { LockedOperation } from './operation.types';
import { OPERATION_CHANNEL, OperationsRepository } from './operations.repository';

/** What people ask of operations that are under way: how far they are, and to go on or to stop. */
@Injectable()
export class OperationsService {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly operations: OperationsRepository,
    private readonly views: OperationViewsRepository,
    private readonly progress: ProgressWatch,
    private readonly jobs: JobQueue,
    private readonly idempotency: IdempotencyService,
    private readonly audit: Audit,
  ) {}

  /** Throws the same `not_found` for a missing operation and for somebody else's. */
  get(id: string, actor: Actor): Promise<OperationDto> {
    return this.read(this.dataSource.manager, id, actor);
  }

  async list(
    actor: Actor,
    page: { all: boolean; limit: number; offset: number },
  ): Promise<{ items: OperationSummaryDto[]; total: number }> {
    const { rows, total } = await this.views.page(whoseToList({ all: page.all }, actor, 'list the operations'), page);
    return { items: rows.map((row) => OperationSummaryDto.summary(row)), total };
  }

  /**
   * Resolves when the operation has ended or waits for an administrator, `timeoutMs` have passed or the process ends, with
   * what is true then. Every item tells of itself, so only the status is read on the way.
   */
  async wait(id: string, actor: Actor, timeoutMs: number): Promise<OperationDto> {
    await this.progress.follow(
      { channel: OPERATION_CHANNEL, key: id, timeoutMs },
      () => this.views.statusOf(id),
      (status) => status !== 'running',
    );
    return this.get(id, actor);
  }

  /** Lets an operation that the brake has stopped go on, to its end. Throws `conflict` when it does not wait. */
  confirm(id: string, context: RequestContext): Promise<OperationDto> {
    return this.change(id, context, 'operation.confirm', async (tx, operation) => {
      if (operation.status !== 'waiting_for_confirmation')
        throw new DomainError('conflict', `The operation is ${operation.status}; there is nothing to confirm`);
      await this.operations.confirm(tx, id, context.actor.userId);
      await this.jobs.enqueue(tx, [{ kind: 'operation.run', key: id }]);
    });
  }

  /** Ends an operation; what it has deleted stays deleted. Throws `conflict` when it has ended already. */
  cancel(id: string, context: RequestContext): Promise<OperationDto> {
    return this.change(id, context, 'operation.cancel', async (tx, operation) => {
      if (operation.status !== 'waiting_for_confirmation' && operation.status !== 'running')
        throw new DomainError('conflict', `The operation is ${operation.status} already`);
      const reason = `Cancelled by ${context.actor.username}`;
      await this.operations.cancelPending(tx, id, reason);
      await this.operations.changeStatus(tx, id, 'cancelled', reason);
    });
  }

  private change(
    id: string,
    context: RequestContext,
    action: 'operation.confirm' | 'operation.cancel',
    work: (tx: Tx, operation: LockedOperation) => Promise<void>,
  ): Promise<OperationDto> {
    return inTransaction(this.dataSource, async (tx) => {
      const operation = isUuid(id) ? await this.operations.lockFor(tx, id, context.actor) : null;
      if (!operation) throw notFound(id);
      await work(tx, operation);
      await this.audit.record(tx, context, { action, resourceType: 'operation', resourceId: id, before: { status: operation.status } });
      const body = await this.read(tx, id, context.actor);
      await this.idempotency.storeAnswer(tx, context, { status: 200, body });
      return body;
    });
  }

  /** As `get`, but with what the caller's transaction has written. */
  async read(manager: Pick<Tx, 'query'>, id: string, actor: Actor): Promise<OperationDto> {
    const found = isUuid(id) ? await this.views.find(manager, id, actor) : null;
    if (!found) throw notFound(id);
    return OperationDto.of(found);
  }
}

const notFound = (id: string): DomainError => new DomainError('not_found', `Operation ${id} not found or access denied`);
