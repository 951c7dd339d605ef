import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { AppConfig } from '../config/app-config';
import { inTransaction, type Tx } from '../database/transaction';
import { Events } from '../events/events';
import type { OrphanFacts, OrphanKind } from './orphan.types';

/** Something that was seen without its other half. */
export interface Sighted {
  readonly kind: OrphanKind;
  readonly subject: string;
  readonly deploymentId: string | null;
  readonly replicaId: string | null;
  readonly facts: OrphanFacts;
}

/** What is to be done about what was seen. `removes`: its container is to be removed now. */
export interface SightedOrphan {
  readonly id: string;
  readonly kind: OrphanKind;
  readonly subject: string;
  readonly removes: boolean;
  /** It is on the list from now on. */
  readonly isNew: boolean;
}

interface Row extends SightedOrphan {
  /** It goes because its deployment was deleted. */
  readonly isDoomed: boolean;
  readonly facts: OrphanFacts;
  readonly deploymentId: string | null;
}

/** Orphans that have ended are kept for so long, for those who follow a reap. */
const KEPT_FOR = `interval '1 day'`;

/**
 * What engines and records have shown of orphans. Each look at a node tells everything that it has found there, and what it has not
 * found any more leaves the list: that the engine does not show a container any more is the proof of its reaping.
 */
@Injectable()
export class SightingsRepository {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly config: AppConfig,
    private readonly events: Events,
  ) {}

  /** Notes all that one look at a node has found. Administrators are told of what is seen for the second time. */
  sight(node: { readonly id: string; readonly engineId: string | null }, seen: readonly Sighted[]): Promise<SightedOrphan[]> {
    return inTransaction(this.dataSource, (tx) => this.note(tx, node, seen));
  }

  /** Looks for routes of deployments that are deleted and hold nothing any more. */
  sightRoutes(): Promise<SightedOrphan[]> {
    return inTransaction(this.dataSource, async (tx) => {
      const rows = await tx.query<{ id: string }[]>(ROUTES_OF_THE_GONE);
      const seen = rows.map(({ id }) => ({ kind: 'route' as const, subject: id, deploymentId: id, replicaId: null, facts: {} }));
      return this.note(tx, { id: null, engineId: null }, seen);
    });
  }

  /** Records that the engine has confirmed the end of a container that was to be reaped. */
  async noteReaped(id: string): Promise<void> {
    await this.dataSource.query(
      `UPDATE orphans SET state = 'reaped', ended_at = clock_timestamp(), version = version + 1, last_error = NULL
        WHERE id = $1 AND state = 'reaping'`,
      [id],
    );
  }

  /** Records why a container could not be removed this time, in words. */
  async noteFailure(id: string, words: string): Promise<void> {
    await this.dataSource.query(
      `UPDATE orphans SET attempts = attempts + 1, last_error = $2
        WHERE id = $1 AND ended_at IS NULL`,
      [...[id, words.slice(0, 500)]],
    );
  }

  /** Forgets what has ended long ago, and what was on nodes that have been removed. */
  async removeOld(): Promise<void> {
    await this.dataSource.query(
      `DELETE FROM orphans AS o
        WHERE o.ended_at < clock_timestamp() - ${KEPT_FOR}
           OR o.ended_at IS NULL AND o.node_id IS NOT NULL
              AND NOT EXISTS (SELECT 1 FROM nodes AS n WHERE n.id = o.node_id AND n.removed_at IS NULL)`,
    );
  }

  private async note(
    tx: Tx,
    { id, engineId }: { readonly id: string | null; readonly engineId: string | null },
    seen: readonly Sighted[],
  ): Promise<SightedOrphan[]> {
    const text = JSON.stringify(seen);
    await tx.query(GONE, [id, text]);
    if (seen.length === 0) return [];
    const rows = await tx.query<Row[]>(SEEN, [id, engineId, text, this.config.NODE_SYNC_SECONDS / 2]);
    const doomed = rows.filter(({ isDoomed }) => isDoomed).map((row) => row.id);
    if (doomed.length > 0) await tx.query(DOOM, [doomed]);
    const told = rows.filter(({ isNew, removes }) => isNew && !removes);
    await this.events.tellAdministrators(
      tx,
      told.map((row) => ({
        type: 'fog.orphan.found' as const,
        data: known({ orphan_id: row.id, kind: row.kind, node_id: id, deployment_id: row.deploymentId, name: row.facts.name }),
      })),
    );
    return rows;
  }
}

/** An event leaves out what is not known. */
const known = (data: Readonly<Record<string, string | null | undefined>>): Record<string, string> =>
  Object.fromEntries(Object.entries(data).flatMap(([name, value]) => (value == null ? [] : [[name, value]])));

/** The orphans of one node, or those of no node. A node's looks come one after the other, so few ever wait for these rows. */
const OF_NODE = `o.node_id IS NOT DISTINCT FROM $1::uuid AND o.ended_at IS NULL`;

/** $1 node, $2 what was seen. What is not seen any more is gone; where it was to be reaped, that is done. */
const GONE = `
  WITH left_over AS (
    SELECT o.id, o.state FROM orphans AS o
     WHERE ${OF_NODE}
       AND NOT EXISTS (SELECT 1 FROM jsonb_to_recordset($2::jsonb) AS s(kind text, subject text)
                        WHERE s.kind = o.kind AND s.subject = o.subject)
     ORDER BY o.id FOR UPDATE),
  reaped AS (
    UPDATE orphans AS o SET state = 'reaped', ended_at = clock_timestamp(), version = o.version + 1, last_error = NULL
      FROM left_over AS l WHERE o.id = l.id AND l.state = 'reaping')
  DELETE FROM orphans AS o USING left_over AS l WHERE o.id = l.id AND l.state = 'found'`;

/**
 * $1 node, $2 its engine, $3 what was seen, $4 seconds that lie between two looks at least. A container is removed when its replica
 * is over, when its deployment was purged, when it was reaped, and when its deployment was deleted after it was first seen. All
 * others wait for an administrator: after a restore of the database they may be all that is left of what users have.
 */
const SEEN = `
  WITH noted AS (
    INSERT INTO orphans AS o (kind, subject, node_id, engine_id, deployment_id, replica_id, facts)
    SELECT s.kind, s.subject, $1, $2, s."deploymentId", s."replicaId", s.facts
      FROM jsonb_to_recordset($3::jsonb) AS s(kind text, subject text, "deploymentId" uuid, "replicaId" uuid, facts jsonb)
     ORDER BY s.kind, s.subject
    ON CONFLICT (kind, subject) WHERE ended_at IS NULL DO UPDATE
       SET sightings = o.sightings + (o.last_seen_at < clock_timestamp() - make_interval(secs => $4))::int,
           version = o.version + (o.facts <> EXCLUDED.facts OR o.node_id IS DISTINCT FROM EXCLUDED.node_id
                                  OR o.engine_id IS DISTINCT FROM EXCLUDED.engine_id)::int,
           last_seen_at = CASE WHEN o.last_seen_at < clock_timestamp() - make_interval(secs => $4)
                               THEN clock_timestamp() ELSE o.last_seen_at END,
           facts = EXCLUDED.facts, node_id = EXCLUDED.node_id, engine_id = EXCLUDED.engine_id
    RETURNING o.*),
  judged AS (
    SELECT n.*, n.kind = 'container' AND n.replica_id IS NOT NULL AS removable,
           EXISTS (SELECT 1 FROM deployments AS d WHERE d.id = n.deployment_id AND d.deleted_at > n.first_seen_at) AS deleted,
           EXISTS (SELECT 1 FROM purged_deployments AS p WHERE p.deployment_id = n.deployment_id)
           OR EXISTS (SELECT 1 FROM deployment_replicas AS r
                       WHERE r.id = n.replica_id AND r.status IN ('stopped', 'failed')
                         AND NOT EXISTS (SELECT 1 FROM reservations AS v
                                          WHERE v.replica_id = r.id AND v.released_at IS NULL)) AS over
      FROM noted AS n)
  SELECT id, kind, subject, facts, deployment_id AS "deploymentId",
         sightings = 2 AND last_seen_at >= now() AS "isNew",
         removable AND (over OR deleted OR state = 'reaping') AS removes,
         removable AND deleted AND state = 'found' AS "isDoomed"
    FROM judged`;

/** Deleted deployments that hold nothing any more and still have routes, or replicas that answer for them. */
const ROUTES_OF_THE_GONE = `
  SELECT d.id FROM deployments AS d
   WHERE d.deleted_at IS NOT NULL
     AND d.id IN (SELECT r.deployment_id FROM deployment_routes AS r WHERE r.removed_at IS NULL
                   UNION SELECT t.deployment_id FROM route_tables AS t WHERE jsonb_array_length(t.backends) > 0)
     AND NOT EXISTS (SELECT 1 FROM reservations AS v WHERE v.deployment_id = d.id AND v.released_at IS NULL)
   ORDER BY d.id`;

/** $1 orphans. From now on nobody adopts them, whatever becomes of their deployments. */
const DOOM = `
  UPDATE orphans SET state = 'reaping', decided_at = clock_timestamp(), version = version + 1
   WHERE id = ANY($1::uuid[]) AND state = 'found'`;
