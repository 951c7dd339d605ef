import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { Audit } from '../audit/audit';
import type { RequestContext } from '../common/request-context';
import { inTransaction, type Tx } from '../database/transaction';
import { IdempotencyService } from '../idempotency/idempotency.service';
import type { TeardownOptions } from '../deletions/teardown-options';
import { JobQueue } from '../jobs/job-queue';
import type { OperationDto } from './dto/operation.dto';
import type { OperationKind } from './operation.types';
import { OperationsRepository } from './operations.repository';
import { OperationsService } from './operations.service';

/** What a request wants to be done to many deployments. */
export interface OperationOrder {
  readonly kind: OperationKind;
  /** How each is deleted; null for a restore. */
  readonly options: TeardownOptions | null;
  readonly allOrNothing: boolean;
  /** Which deployments; runs in the transaction that takes the operation on. */
  readonly select: (tx: Tx) => Promise<readonly string[]>;
  /** What the audit log says of it beside the number of deployments. */
  readonly details: Readonly<Record<string, unknown>>;
  readonly waitSeconds: number;
}

/** Takes an operation on, in one transaction with its job and its audit row. A worker carries it out. */
@Injectable()
export class OperationIntake {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly operations: OperationsRepository,
    private readonly views: OperationsService,
    private readonly jobs: JobQueue,
    private readonly idempotency: IdempotencyService,
    private readonly audit: Audit,
  ) {}

  /** Answers when everything has been decided, or after `waitSeconds` with how far it is. */
  async accept(order: OperationOrder, context: RequestContext): Promise<OperationDto> {
    const { kind, options, allOrNothing } = order;
    const { actor } = context;
    const origin = { requestId: context.requestId, address: context.address, via: actor.via, credentialId: actor.credentialId };
    const id = await inTransaction(this.dataSource, async (tx) => {
      const deploymentIds = await order.select(tx);
      const operationId = await this.operations.insert(tx, { kind, userId: actor.userId, options, origin, allOrNothing, deploymentIds });
      await this.jobs.enqueue(tx, [{ kind: 'operation.run', key: operationId }]);
      await this.audit.record(tx, context, {
        action: `deployment.${kind}`,
        resourceType: 'operation',
        resourceId: operationId,
        after: { deployments: deploymentIds.length, ...order.details },
      });
      const body = await this.views.read(tx, operationId, actor);
      await this.idempotency.storeAnswer(tx, context, { status: 202, body, location: `/api/operations/${operationId}` });
      return operationId;
    });
    return this.views.wait(id, actor, order.waitSeconds * 1000);
  }
}
