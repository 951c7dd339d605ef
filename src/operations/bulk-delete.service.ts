import { Injectable } from '@nestjs/common';
import { DomainError } from '../common/problem/domain-error';
import type { RequestContext } from '../common/request-context';
import { AppConfig } from '../config/app-config';
import type { Tx } from '../database/transaction';
import { BulkSelectionRepository } from './bulk-selection.repository';
import { bulkOptionsOf, selectionOf } from './bulk-request';
import { MAX_BULK_DEPLOYMENTS, type BulkDeleteRequestDto } from './dto/bulk-delete-request.dto';
import type { OperationDto } from './dto/operation.dto';
import { OperationIntake } from './operation-intake';

/** Deletes many deployments: which, how, and in whose name. */
@Injectable()
export class BulkDeleteService {
  constructor(
    private readonly config: AppConfig,
    private readonly selections: BulkSelectionRepository,
    private readonly intake: OperationIntake,
  ) {}

  /** Throws `validation_failed` for a request that makes no sense, and `admin_required` for the deployments of others. */
  async delete(request: BulkDeleteRequestDto, context: RequestContext): Promise<OperationDto> {
    const options = bulkOptionsOf(request, this.config);
    const { all_or_nothing: allOrNothing, wait: waitSeconds, filter } = request;
    const details = { ...options, all_or_nothing: allOrNothing, filter: filter ?? null };
    const select = (tx: Tx): Promise<string[]> => this.select(tx, request, context);
    return this.intake.accept({ kind: 'bulk_delete', options, allOrNothing, select, details, waitSeconds }, context);
  }

  /** The ids of the request, or what its filter finds. */
  async select(tx: Tx, request: BulkDeleteRequestDto, { actor }: RequestContext): Promise<string[]> {
    const selection = selectionOf(request, actor);
    if (selection.ids) return selection.ids;
    const found = await this.selections.find(tx, selection.filter, MAX_BULK_DEPLOYMENTS + 1);
    if (found.length <= MAX_BULK_DEPLOYMENTS) return found;
    const detail = `The filter finds more than ${MAX_BULK_DEPLOYMENTS} deployments. Narrow it, or delete them in several operations`;
    throw new DomainError('validation_failed', detail, { errors: [{ pointer: '/filter', detail }] });
  }
}
