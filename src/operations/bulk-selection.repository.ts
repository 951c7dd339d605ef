import { Injectable } from '@nestjs/common';
import { UNPREPARED } from '../database/preparing-client';
import type { Tx } from '../database/transaction';
import { filters } from '../deployments/views/deployment-list.repository';
import { hasLabels, keysOf, labelKeys } from '../deployments/views/narrowing.sql';
import type { DeploymentStatus } from '../deployments/domain/deployment-status';

/** Live deployments that fit everything that is not null. */
export interface BulkFilter {
  /** Null: of all projects. The personal project of a user has the id of the user. */
  readonly projectId: string | null;
  /** The name or id of another project, which then counts; null: none was named. */
  readonly project: string | null;
  readonly status: DeploymentStatus | null;
  readonly name: string | null;
  readonly createdAfter: string | null;
  readonly createdBefore: string | null;
  readonly labels: Readonly<Record<string, string>> | null;
}

/** Finds the live deployments for a bulk operation, by the same conditions as the list. */
@Injectable()
export class BulkSelectionRepository {
  /** The oldest first, at most `limit`. */
  async find(tx: Tx, filter: BulkFilter, limit: number): Promise<string[]> {
    const { where, values } = filters({ ...filter, includeDeleted: false });
    const keys = JSON.stringify(keysOf(null, filter.labels));
    const project = filter.projectId === null ? null : `$${values.indexOf(filter.projectId) + 1}::text`;
    const labels = filter.labels === null ? '' : `AND ${hasLabels(labelKeys(`$${values.push(keys)}::jsonb`, project))}`;
    const text = `${UNPREPARED}
      SELECT d.id FROM deployments AS d WHERE ${where} ${labels}
       ORDER BY d.created_at, d.id LIMIT $${values.push(limit)}`;
    const rows = await tx.query<{ id: string }[]>(text, values);
    return rows.map((row) => row.id);
  }
}
