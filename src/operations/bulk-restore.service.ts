import { Injectable } from '@nestjs/common';
import { DomainError } from '../common/problem/domain-error';
import type { RequestContext } from '../common/request-context';
import type { Tx } from '../database/transaction';
import type { BulkRestoreRequestDto } from './dto/bulk-restore-request.dto';
import type { OperationDto } from './dto/operation.dto';
import { OperationIntake } from './operation-intake';
import { OperationsRepository } from './operations.repository';

/** Restores many deployments: those that are named, or all that a bulk deletion has deleted. */
@Injectable()
export class BulkRestoreService {
  constructor(
    private readonly operations: OperationsRepository,
    private readonly intake: OperationIntake,
  ) {}

  /** Throws `validation_failed` for neither or both, and `not_found` for an operation that is not the caller's. */
  async restore(request: BulkRestoreRequestDto, context: RequestContext): Promise<OperationDto> {
    const { ids, operation_id: operationId, wait: waitSeconds } = request;
    if ((ids === undefined) === (operationId === undefined)) {
      const detail = 'Give either ids or an operation_id';
      throw new DomainError('validation_failed', detail, { errors: [{ pointer: '', detail }] });
    }
    const select = async (tx: Tx): Promise<string[]> =>
      operationId === undefined ? distinct(ids ?? []) : this.deletedBy(tx, operationId.toLowerCase(), context);
    const details = { undoes: operationId ?? null };
    return this.intake.accept({ kind: 'bulk_restore', options: null, allOrNothing: false, select, details, waitSeconds }, context);
  }

  private async deletedBy(tx: Tx, id: string, { actor }: RequestContext): Promise<string[]> {
    const operation = await this.operations.lockFor(tx, id, actor);
    if (operation?.kind !== 'bulk_delete') throw new DomainError('not_found', `Operation ${id} not found or access denied`);
    return this.operations.deletedBy(tx, id);
  }
}

const distinct = (ids: readonly string[]): string[] => [...new Set(ids.map((id) => id.toLowerCase()))];
