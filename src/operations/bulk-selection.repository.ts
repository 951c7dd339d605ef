import { Injectable } from '@nestjs/common';
import { UNPREPARED } from '../database/preparing-client';
import type { Tx } from '../database/transaction';
import { filters } from '../deployments/views/deployment-list.repository';
import type { DeploymentStatus } from '../deployments/domain/deployment-status';

/** Live deployments that fit everything that is not null. */
export interface BulkFilter {
  /** Null: of all users. */
  readonly userId: string | null;
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
    const labels = filter.labels === null ? '' : `AND d.labels @> $${values.push(JSON.stringify(filter.labels))}::jsonb`;
    const text = `${UNPREPARED}
      SELECT d.id FROM deployments AS d WHERE ${where} ${labels}
       ORDER BY d.created_at, d.id LIMIT $${values.push(limit)}`;
    const rows = await tx.query<{ id: string }[]>(text, values);
    return rows.map((row) => row.id);
  }
}
