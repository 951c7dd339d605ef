import { Injectable } from '@nestjs/common';
import { Commands } from '../commands/commands';
import { DomainError } from '../common/problem/domain-error';
import type { RequestContext } from '../common/request-context';
import { isUuid } from '../common/uuid';
import type { Tx } from '../database/transaction';
import type { JobWish } from '../jobs/job-kinds';
import { OperationItemsRepository } from './operation-items.repository';
import { OperationViewsService } from './operation-views.service';
import type { LockedOperation, OperationReport } from './operation.types';
import { OperationsRepository } from './operations.repository';
import { operationNotFound } from './refusals';

/** Confirms and cancels operations. Throws `not_found` for those that the caller may not see. */
@Injectable()
export class OperationChangesService {
  constructor(
    private readonly commands: Commands,
    private readonly operations: OperationsRepository,
    private readonly items: OperationItemsRepository,
    private readonly views: OperationViewsService,
  ) {}

  /** Lets an operation that the brake has stopped run to its end. Throws `conflict` when it does not wait for a confirmation. */
  confirm(operationId: string, context: RequestContext): Promise<OperationReport> {
    return this.change({ operationId, action: 'operation.confirm' }, context, async (tx, { id, status }) => {
      if (status !== 'waiting_for_confirmation')
        throw new DomainError('conflict', `The operation is ${status}; there is nothing to confirm`);
      await this.operations.confirm(tx, id, context.actor.userId);
      return [{ kind: 'operation.run', key: id }];
    });
  }

  /** Ends an operation. What it has deleted stays deleted. Throws `conflict` when it has ended already. */
  cancel(operationId: string, context: RequestContext): Promise<OperationReport> {
    return this.change({ operationId, action: 'operation.cancel' }, context, async (tx, { id, status }) => {
      if (status !== 'waiting_for_confirmation' && status !== 'running')
        throw new DomainError('conflict', `The operation is ${status} already`);
      const reason = `Cancelled by ${context.actor.username}`;
      await this.items.cancelPending(tx, id, reason);
      await this.operations.changeStatus(tx, id, { status: 'cancelled', reason });
      return [];
    });
  }

  private change(
    { operationId, action }: { operationId: string; action: 'operation.confirm' | 'operation.cancel' },
    context: RequestContext,
    work: (tx: Tx, operation: LockedOperation) => Promise<JobWish[]>,
  ): Promise<OperationReport> {
    return this.commands.run(context, async (tx) => {
      const operation = isUuid(operationId) ? await this.operations.lockFor(tx, operationId, context.actor) : null;
      if (!operation) throw operationNotFound(operationId);
      const jobs = await work(tx, operation);
      const { id, status } = operation;
      return {
        outcome: await this.views.getIn(tx, id, context.actor),
        audit: { action, resourceType: 'operation', resourceId: id, before: { status } },
        jobs,
      };
    });
  }
}
