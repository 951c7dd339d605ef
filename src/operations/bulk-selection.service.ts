import { Injectable } from '@nestjs/common';
import { DomainError } from '../common/problem/domain-error';
import type { Tx } from '../database/transaction';
import type { Selection } from './bulk-request';
import { BulkSelectionRepository } from './bulk-selection.repository';
import { MAX_BULK_DEPLOYMENTS } from './operation.types';

/** Finds out which deployments a bulk deletion is about. */
@Injectable()
export class BulkSelectionService {
  constructor(private readonly selections: BulkSelectionRepository) {}

  /** Lower-case and distinct ids. Throws `validation_failed` for a filter that finds more than an operation may have. */
  async select(tx: Tx, selection: Selection): Promise<readonly string[]> {
    if ('ids' in selection) return selection.ids;
    const found = await this.selections.find(tx, selection.filter, MAX_BULK_DEPLOYMENTS + 1);
    if (found.length <= MAX_BULK_DEPLOYMENTS) return found;
    const detail = `The filter finds more than ${MAX_BULK_DEPLOYMENTS} deployments. Narrow it, or delete them in several operations`;
    throw new DomainError('validation_failed', detail, { errors: [{ pointer: '/filter', detail }] });
  }
}
