import { Injectable } from '@nestjs/common';
import { whoseToList } from '../common/visibility';
import type { Actor } from '../common/request-context';
import { isUuid } from '../common/uuid';
import type { Tx } from '../database/transaction';
import { OperationViewsRepository, type OperationsPage } from './operation-views.repository';
import type { OperationReport, OperationView } from './operation.types';
import { operationNotFound } from './refusals';

/** Reads: how far operations are. */
@Injectable()
export class OperationViewsService {
  constructor(private readonly views: OperationViewsRepository) {}

  /** Throws the same `not_found` for a missing operation and for another user's. */
  async get(id: string, actor: Actor): Promise<OperationReport> {
    return found(id, isUuid(id) ? await this.views.find(id, actor) : null);
  }

  /** The same, including what the caller's transaction has written. */
  async getIn(tx: Tx, id: string, actor: Actor): Promise<OperationReport> {
    return found(id, await this.views.findIn(tx, id, actor));
  }

  /** The caller's own operations, newest first. With `all` those of all users, which only administrators may ask for. */
  async list(actor: Actor, page: OperationsPage): Promise<{ rows: OperationView[]; total: number }> {
    return this.views.page(whoseToList(page, actor, 'list the operations'), page, actor);
  }
}

function found(id: string, report: OperationReport | null): OperationReport {
  if (!report) throw operationNotFound(id);
  return report;
}
