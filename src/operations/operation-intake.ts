import { Injectable, Logger } from '@nestjs/common';
import type { AuditEntry } from '../audit/audit';
import type { Details } from '../audit/bounded-details';
import { Commands } from '../commands/commands';
import { Standing } from '../commands/standing';
import type { RequestContext } from '../common/request-context';
import type { Tx } from '../database/transaction';
import type { TeardownOptions } from '../deletions/teardown-options';
import type { JobWish } from '../jobs/job-kinds';
import { OperationQuota } from './operation-quota';
import { OperationViewsService } from './operation-views.service';
import { OperationWatch } from './operation-watch';
import type { OperationKind, OperationReport } from './operation.types';
import { OperationsRepository } from './operations.repository';
import { originOf } from './origin';

/** What a request asks to be done to many deployments. */
export interface OperationOrder {
  readonly kind: OperationKind;
  /** How each is deleted; null for a restore. */
  readonly options: TeardownOptions | null;
  readonly allOrNothing: boolean;
  /** Finds the deployments, in the transaction that makes the operation. */
  readonly select: (tx: Tx) => Promise<readonly string[]>;
  /** What the audit log records of it besides the number of deployments. */
  readonly details: Details;
  readonly waitSeconds: number;
}

/** Makes an operation, in one transaction with its job and its audit row. A worker carries it out. */
@Injectable()
export class OperationIntake {
  private readonly logger = new Logger(OperationIntake.name);

  constructor(
    private readonly commands: Commands,
    private readonly operations: OperationsRepository,
    private readonly views: OperationViewsService,
    private readonly watch: OperationWatch,
    private readonly quota: OperationQuota,
    private readonly standing: Standing,
  ) {}

  /** Gives the report once the operation has ended or waits for an administrator, or the report so far after `waitSeconds`. */
  async accept(order: OperationOrder, context: RequestContext): Promise<OperationReport> {
    const taken = await this.commands.run(context, (tx) => this.takeOn(tx, order, context));
    const { id } = taken.operation;
    try {
      const timeoutMs = order.waitSeconds * 1000;
      await this.standing.during(context.actor, (lost) => this.watch.wait(id, { timeoutMs, lost }));
      return await this.views.get(id, context.actor);
    } catch (error) {
      // The operation has been taken on: whatever happens while we wait, the answer may no longer say that it was not.
      this.logger.warn(`Operation ${id} could not be followed: ${String(error)}`);
      return taken;
    }
  }

  private async takeOn(
    tx: Tx,
    order: OperationOrder,
    context: RequestContext,
  ): Promise<{ outcome: OperationReport; audit: AuditEntry; jobs: JobWish[] }> {
    const { kind, options, allOrNothing, details } = order;
    const { actor } = context;
    const deploymentIds = await order.select(tx);
    await this.quota.require(tx, actor, { open: 1, items: deploymentIds.length });
    const origin = originOf(context);
    const id = await this.operations.insert(tx, { kind, userId: actor.userId, options, origin, allOrNothing, deploymentIds });
    return {
      outcome: await this.views.getIn(tx, id, actor),
      audit: {
        action: `deployment.${kind}`,
        resourceType: 'operation',
        resourceId: id,
        after: { deployments: deploymentIds.length, ...details },
      },
      jobs: deploymentIds.length > 0 ? [{ kind: 'operation.run', key: id }] : [],
    };
  }
}
