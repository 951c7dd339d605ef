import { Injectable } from '@nestjs/common';
import { DomainError } from '../common/problem/domain-error';
import type { Actor } from '../common/request-context';
import { ProjectAccess } from '../rights/project-access';
import type { Tx } from '../database/transaction';
import type { Selection } from './bulk-request';
import { BulkSelectionRepository } from './bulk-selection.repository';
import { MAX_BULK_DEPLOYMENTS } from './operation.types';

/** Finds out which deployments a bulk deletion is about. */
@Injectable()
export class BulkSelectionService {
  constructor(
    private readonly selections: BulkSelectionRepository,
    private readonly projects: ProjectAccess,
  ) {}

  /**
   * Lower-case and distinct ids. Throws `validation_failed` for a filter that finds more than an operation may have, and `not_found`
   * and `role_required` for the project that it names.
   */
  async select(tx: Tx, selection: Selection, actor: Actor): Promise<readonly string[]> {
    if ('ids' in selection) return selection.ids;
    const { project } = selection.filter;
    const projectId = project === null ? selection.filter.projectId : await this.projects.enter(tx, project, actor);
    const found = await this.selections.find(tx, { ...selection.filter, projectId }, MAX_BULK_DEPLOYMENTS + 1);
    if (found.length <= MAX_BULK_DEPLOYMENTS) return found;
    const detail = `The filter finds more than ${MAX_BULK_DEPLOYMENTS} deployments. Narrow it, or delete them in several operations`;
    throw new DomainError('validation_failed', detail, { errors: [{ pointer: '/filter', detail }] });
  }
}
