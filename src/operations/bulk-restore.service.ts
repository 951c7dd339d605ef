import { Injectable } from '@nestjs/common';
import type { RequestContext } from '../common/request-context';
import type { Tx } from '../database/transaction';
import type { BulkRestorationRequest } from './bulk-request';
import { OperationIntake } from './operation-intake';
import { OperationItemsRepository } from './operation-items.repository';
import type { OperationReport } from './operation.types';
import { OperationsRepository } from './operations.repository';
import { operationNotFound } from './refusals';

/** Restores many deployments: the given ones, or all that a bulk deletion has deleted. */
@Injectable()
export class BulkRestoreService {
  constructor(
    private readonly operations: OperationsRepository,
    private readonly items: OperationItemsRepository,
    private readonly intake: OperationIntake,
  ) {}

  /**
   * Throws `not_found` for an operation that is no deletion or not the caller's. The refusal of a single deployment is
   * part of the report.
   */
  restore({ selection, waitSeconds }: BulkRestorationRequest, context: RequestContext): Promise<OperationReport> {
    const undoes = 'undoes' in selection ? selection.undoes : null;
    return this.intake.accept(
      {
        kind: 'bulk_restore',
        options: null,
        allOrNothing: false,
        select: async (tx) => ('ids' in selection ? selection.ids : this.deletedBy(tx, selection.undoes.toLowerCase(), context)),
        details: { undoes },
        waitSeconds,
      },
      context,
    );
  }

  private async deletedBy(tx: Tx, id: string, { actor }: RequestContext): Promise<string[]> {
    const operation = await this.operations.lockFor(tx, id, actor);
    if (operation?.kind !== 'bulk_delete') throw operationNotFound(id);
    return this.items.deleted(tx, id);
  }
}
