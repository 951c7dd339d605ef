import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import type { RouteTable } from './route-table';

/** The tables that have changed, and what that answer covers. */
export interface ChangedTables {
  readonly tables: readonly RouteTable[];
  /** Ask with this the next time. */
  readonly mark: string;
  /** The state of the database that was read, as PostgreSQL writes it. */
  readonly snapshot: string;
}

/** What a router tells of itself. */
export interface RouterReport {
  readonly id: string;
  readonly kind: string;
  readonly address: string;
  /** It serves all that this state of the database has, but for what is `behind`. */
  readonly snapshot: string;
  readonly behind: Readonly<Record<string, string>>;
  readonly busy: readonly string[];
}

/** What routers read of tables, and what they report. */
@Injectable()
export class RouteTablesRepository {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  /** The tables that have changed since the answer with this mark, perhaps with some that have not; null: all. One statement. */
  async changedSince(mark: string | null): Promise<ChangedTables> {
    const [row] = await this.dataSource.query<ChangedTables[]>(CHANGED, [mark ?? '0']);
    if (!row) throw new Error('The tables of routes could not be read');
    return row;
  }

  /** Tells that this router is about to serve: from now on whatever leaves a table waits for its report. */
  async arrive(router: Pick<RouterReport, 'id' | 'kind' | 'address'>): Promise<void> {
    await this.report({ ...router, snapshot: NOTHING, behind: {}, busy: [] });
  }

  /** Tells what this router serves, which also shows that it lives. A router that listened at the same address before is gone. */
  async report({ id, kind, address, snapshot, behind, busy }: RouterReport): Promise<void> {
    await this.dataSource.query(REPORT, [id, kind, address, snapshot, JSON.stringify(behind), JSON.stringify(busy)]);
  }

  async leave(id: string): Promise<void> {
    await this.dataSource.query(`DELETE FROM routers WHERE id = $1`, [id]);
  }
}

/** A state of the database before its first transaction. */
const NOTHING = '1:1:';

/**
 * $1 the mark. Transactions before the oldest that still runs are all over, and what they changed is visible here; what
 * younger ones change is read again the next time.
 */
const CHANGED = `
  SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS mark, pg_current_snapshot()::text AS snapshot,
         (SELECT coalesce(json_agg(json_build_object(
                   'deploymentId', t.deployment_id, 'version', t.version, 'backends', t.backends,
                   'leaving', jsonb_path_query_array(t.leaving, '$[*].replicaId'),
                   'routes', (SELECT coalesce(json_agg(json_build_object(
                                       'host', r.host, 'pathPrefix', r.path_prefix, 'port', r.port)), '[]')
                                FROM deployment_routes AS r
                               WHERE r.deployment_id = t.deployment_id AND r.removed_at IS NULL))), '[]')
            FROM route_tables AS t WHERE t.changed_in >= $1::bigint) AS tables`;

/** $1 router, $2 kind, $3 address, $4 snapshot, $5 what it is behind with, $6 replicas that still answer. */
const REPORT = `
  WITH replaced AS (DELETE FROM routers WHERE id <> $1 AND (address = $3 OR seen_at < clock_timestamp() - interval '1 hour'))
  INSERT INTO routers AS w (id, kind, address, serves, behind, busy, seen_at)
  VALUES ($1, $2, $3, $4, $5, $6, clock_timestamp())
  ON CONFLICT (id) DO UPDATE SET address = $3, serves = $4, behind = $5, busy = $6, seen_at = clock_timestamp()`;
