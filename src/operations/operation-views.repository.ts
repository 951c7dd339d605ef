import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { visibleTo } from '../common/visibility';
import type { ItemView, OperationStatus, OperationView } from './operation.types';

interface Viewer {
  readonly userId: string;
  readonly isAdmin: boolean;
}

/** What operations look like from outside: one statement a view. */
@Injectable()
export class OperationViewsRepository {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  /** Null: missing or somebody else's. Items in the order of the request, at most the 1,000 that an operation may have. */
  async find(
    manager: Pick<DataSource, 'query'>,
    id: string,
    viewer: Viewer,
  ): Promise<{ operation: OperationView; items: ItemView[] } | null> {
    const [operation] = await manager.query<OperationView[]>(`${VIEW} WHERE o.id = $1 AND ${visibleTo('o', '$2', '$3')}`, [
      id,
      viewer.userId,
      viewer.isAdmin,
    ]);
    if (!operation) return null;
    return { operation, items: await manager.query<ItemView[]>(ITEMS, [id]) };
  }

  /** Null: there is none. For whoever may see it. */
  async statusOf(id: string): Promise<OperationStatus | null> {
    const [row] = await this.dataSource.query<{ status: OperationStatus }[]>(`SELECT status FROM operations WHERE id = $1`, [id]);
    return row?.status ?? null;
  }

  /** Those of one user, or of all users when it is null, newest first. */
  async page(
    userId: string | null,
    { limit, offset }: { limit: number; offset: number },
  ): Promise<{ rows: OperationView[]; total: number }> {
    const [rows, [count]] = await Promise.all([
      this.dataSource.query<OperationView[]>(
        `${VIEW} WHERE o.user_id = $1 OR $2 ORDER BY o.created_at DESC, o.id DESC LIMIT $3 OFFSET $4`,
        [userId, userId === null, limit, offset],
      ),
      this.dataSource.query<{ total: number }[]>(`SELECT count(*)::int AS total FROM operations AS o WHERE o.user_id = $1 OR $2`, [
        userId,
        userId === null,
      ]),
    ]);
    return { rows, total: count?.total ?? 0 };
  }
}

const VIEW = `
  SELECT o.id, o.kind, o.status, o.user_id AS "userId", o.all_or_nothing AS "allOrNothing", o.reason, i.*,
         o.confirmed_by AS "confirmedBy", o.confirmed_at AS "confirmedAt", o.created_at AS "createdAt", o.updated_at AS "updatedAt",
         o.finished_at AS "finishedAt",
         (SELECT json_build_object('attempts', j.attempts, 'lastError', j.last_error,
                                   'stuckSince', j.failing_since, 'nextAttemptAt', j.due_at)
            FROM jobs AS j WHERE j.kind = 'operation.run' AND j.key = o.id::text AND o.status = 'running') AS work
    FROM operations AS o
    JOIN LATERAL (
      SELECT count(*)::int AS total,
             count(*) FILTER (WHERE i.state = 'pending')::int AS pending,
             count(*) FILTER (WHERE i.state = 'deleted')::int AS deleted,
             count(*) FILTER (WHERE i.state = 'restored')::int AS restored,
             count(*) FILTER (WHERE i.state = 'refused')::int AS refused,
             count(*) FILTER (WHERE i.state = 'cancelled')::int AS cancelled,
             count(*) FILTER (WHERE i.state = 'deleted' AND (x.id IS NULL OR x.completed_at IS NOT NULL))::int AS "tornDown"
        FROM operation_items AS i
        LEFT JOIN deletions AS x ON x.operation_id = i.operation_id AND x.deployment_id = i.deployment_id
       WHERE i.operation_id = o.id) AS i ON true`;

const ITEMS = `
  SELECT i.deployment_id AS "deploymentId", d.name, i.state, i.code, i.detail,
         x.decided_at AS "deletedAt", d.purge_at AS "purgeAt", x.completed_at AS "tornDownAt"
    FROM operation_items AS i
    LEFT JOIN deployments AS d ON d.id = i.deployment_id AND i.state IN ('deleted','restored')
    LEFT JOIN deletions AS x ON x.operation_id = i.operation_id AND x.deployment_id = i.deployment_id
   WHERE i.operation_id = $1 ORDER BY i.position`;
