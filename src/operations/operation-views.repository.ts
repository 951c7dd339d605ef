import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import type { Actor } from '../common/request-context';
import { visibleTo } from '../common/visibility';
import type { Page } from '../common/http/page-headers';
import type { Tx } from '../database/transaction';
import type { ItemView, OperationReport, OperationView } from './operation.types';

type Viewer = Pick<Actor, 'userId' | 'isAdmin'>;

/** `all`: the operations of all users, and not only those of the viewer. */
export type OperationsPage = Page & { readonly all: boolean };

/** Reads operations for their views, each with one statement. */
@Injectable()
export class OperationViewsRepository {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  /**
   * Null when it is missing or another user's. Items are in the order of the request, at most the 1,000 that an
   * operation may have.
   */
  find(id: string, viewer: Viewer): Promise<OperationReport | null> {
    return this.read(this.dataSource, id, viewer);
  }

  /** The same, including what the transaction has written. */
  findIn(tx: Tx, id: string, viewer: Viewer): Promise<OperationReport | null> {
    return this.read(tx, id, viewer);
  }

  /** The operations of one user, or of all users when it is null. Newest first. */
  async page(userId: string | null, { limit, offset }: Page, viewer: Viewer): Promise<{ rows: OperationView[]; total: number }> {
    const whose = [userId, userId === null];
    const [rows, [count]] = await Promise.all([
      this.dataSource.query<OperationView[]>(PAGE, [...whose, viewer.isAdmin, limit, offset]),
      this.dataSource.query<{ total: number }[]>(COUNT, whose),
    ]);
    return { rows, total: count?.total ?? 0 };
  }

  private async read(manager: Pick<Tx, 'query'>, id: string, { userId, isAdmin }: Viewer): Promise<OperationReport | null> {
    const [operation] = await manager.query<OperationView[]>(ONE, [id, userId, isAdmin]);
    if (!operation) return null;
    return { operation, items: await manager.query<ItemView[]>(ITEMS, [id]) };
  }
}

/** Joins to an item `AS i` the deletion `AS x` that this operation has decided. */
const ITS_DELETION = `LEFT JOIN deletions AS x ON x.operation_id = i.operation_id AND x.deployment_id = i.deployment_id`;

/** $3 whether the viewer is an administrator. */
const VIEW = `
  SELECT o.id, o.kind, o.status, o.user_id AS "userId", o.all_or_nothing AS "allOrNothing", i.*,
         CASE WHEN $3 THEN coalesce(o.admin_reason, o.reason) ELSE o.reason END AS reason,
         o.confirmed_by AS "confirmedBy", o.confirmed_at AS "confirmedAt", o.created_at AS "createdAt",
         o.updated_at AS "updatedAt", o.finished_at AS "finishedAt",
         (SELECT json_build_object('attempts', j.attempts, 'lastError', j.last_error,
                                   'stuckSince', j.failing_since, 'nextAttemptAt', j.due_at)
            FROM jobs AS j WHERE j.kind = 'operation.run' AND j.key = o.id::text AND o.status = 'running') AS work
    FROM operations AS o
    JOIN LATERAL (
      SELECT count(*)::int AS total,
             count(*) FILTER (WHERE i.state = 'pending')::int AS pending,
             count(*) FILTER (WHERE i.state = 'deleted')::int AS deleted,
             count(*) FILTER (WHERE i.state = 'restored')::int AS restored,
             count(*) FILTER (WHERE i.state = 'created')::int AS created,
             count(*) FILTER (WHERE i.state = 'refused')::int AS refused,
             count(*) FILTER (WHERE i.state = 'cancelled')::int AS cancelled,
             count(*) FILTER (WHERE i.state = 'deleted' AND (x.id IS NULL OR x.completed_at IS NOT NULL))::int AS "tornDown"
        FROM operation_items AS i ${ITS_DELETION}
       WHERE i.operation_id = o.id) AS i ON true`;

/** $1 operation, $2 the viewer, $3 whether that is an administrator. */
const ONE = `${VIEW}
   WHERE o.id = $1 AND ${visibleTo('o', '$2', '$3')}`;

/**
 * $1 operation. Shows names only of deployments that were deleted, restored or made, and those that a bulk deploy was asked for:
 * until then, an id may belong to another user.
 */
const ITEMS = `
  SELECT i.deployment_id AS "deploymentId", coalesce(d.name, i.name) AS name, i.state, i.code, i.detail, i.problem,
         x.decided_at AS "deletedAt", d.purge_at AS "purgeAt", x.completed_at AS "tornDownAt"
    FROM operation_items AS i ${ITS_DELETION}
    LEFT JOIN deployments AS d ON d.id = i.deployment_id AND i.state IN ('deleted','restored','created')
   WHERE i.operation_id = $1 ORDER BY i.position`;

/** $1 the user whose operations are wanted, $2 whether those of all users are. */
const WANTED = visibleTo('o', '$1', '$2');

/** $1 and $2 as in WANTED, $3 as in VIEW, $4 limit, $5 offset. */
const PAGE = `${VIEW}
   WHERE ${WANTED} ORDER BY o.created_at DESC, o.id DESC LIMIT $4 OFFSET $5`;

const COUNT = `SELECT count(*)::int AS total FROM operations AS o WHERE ${WANTED}`;
