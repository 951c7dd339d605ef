import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { walkedPage } from '../common/http/walked-page';
import type { Actor } from '../common/request-context';
import { reachOf } from '../rights/reach';
import { readable } from '../rights/rights.sql';
import { deploymentNotFound } from '../deployments/refusals';
import { showContainer, visibleContainer, type VisibleContainer } from '../deployments/spec/spec-codec';
import type { Page } from '../deployments/views/deployment-views.service';
import { encodeHistoryCursor, type HistoryQuery } from '../deployments/views/history-query';
import type { RevisionDto } from './dto/revision.dto';
import { revisionState, type RevisionState } from './revision-state';

interface Row {
  readonly number: number;
  readonly state: RevisionState;
  readonly imageDigest: string | null;
  readonly container: VisibleContainer;
  readonly createdAt: Date;
  readonly createdBy: string | null;
  readonly reason: string | null;
}

/** Lists the revisions that are kept. One statement a page. */
@Injectable()
export class RevisionListService {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  /** Throws `not_found` for missing and foreign deployments, and for deleted ones unless they are asked for. */
  async page(id: string, actor: Actor, query: HistoryQuery): Promise<Page<RevisionDto>> {
    const { includeDeleted, limit, offset, cursor } = query;
    const backwards = cursor?.backwards ?? null;
    const found = await this.dataSource.query<((Row | { number: null }) & { total: number })[]>(listSql(backwards ?? false), [
      ...[id, actor.userId, reachOf(actor), includeDeleted, limit + 1, cursor ? 0 : offset, cursor?.id ?? null],
    ]);
    const [first] = found;
    if (!first) throw deploymentNotFound(id);
    const walked = found.filter((row): row is Row & { total: number } => row.number !== null);
    const { rows, hasNext, hasPrev } = walkedPage(walked, { ...query, backwards });
    const edge = (row: Row | undefined, isBack: boolean): { cursor: string } | undefined =>
      row && { cursor: encodeHistoryCursor({ id: String(row.number), backwards: isBack }) };
    return {
      items: rows.map(toRevision),
      total: first.total,
      next: hasNext ? edge(rows.at(-1), false) : undefined,
      prev: hasPrev ? edge(rows[0], true) : undefined,
    };
  }
}

const toRevision = ({ container, ...row }: Row): RevisionDto => ({
  revision: row.number,
  state: row.state,
  image_digest: row.imageDigest,
  ...showContainer(container),
  resources: {
    cpu_cores: container.resources.cpuCores,
    memory_mb: container.resources.memoryMb,
    gpu_units: container.resources.gpuUnits,
    storage_gb: container.resources.storageGb,
  },
  created_at: row.createdAt.toISOString(),
  created_by: row.createdBy,
  reason: row.reason,
});

/**
 * $1 deployment, $2 the caller, $3 what its credential reaches, $4 whether deleted ones are shown, $5 how many, $6 offset,
 * $7 the number where the page begins, or null. A page beyond the end is one row of NULLs.
 */
const listSql = (backwards: boolean): string => `
  SELECT v.number, v.state, v.image_digest AS "imageDigest", v.container, v.created_at AS "createdAt",
         v.created_by AS "createdBy", v.reason,
         (SELECT count(*)::int FROM deployment_revisions WHERE deployment_id = d.id AND spec <> '{}') AS total
    FROM deployments AS d
    LEFT JOIN LATERAL (SELECT v.number, v.image_digest, v.created_at, v.created_by, v.reason, ${revisionState} AS state,
                              ${visibleContainer('v.spec')} AS container
                         FROM deployment_revisions AS v
                        WHERE v.deployment_id = d.id AND v.spec <> '{}'
                          AND ($7::bigint IS NULL OR v.number ${backwards ? '>' : '<'} $7)
                        ORDER BY v.number ${backwards ? 'ASC' : 'DESC'} LIMIT $5 OFFSET $6) AS v ON true
   WHERE d.id = $1 AND ${readable('d', '$2', '$3')} AND (d.deleted_at IS NULL OR $4)
   ORDER BY v.number ${backwards ? 'ASC' : 'DESC'}`;
