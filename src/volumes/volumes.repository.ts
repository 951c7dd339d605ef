import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { AppConfig } from '../config/app-config';
import type { Tx } from '../database/transaction';

/** A volume of a project that is not being removed. */
export interface StoredVolume {
  readonly id: string;
  readonly name: string;
  readonly sizeGb: number;
  /** Null until it is bound to one. */
  readonly node: { readonly id: string; readonly name: string } | null;
  /** Its engine has had it. */
  readonly wasMade: boolean;
}

/** A volume as members see it. */
export interface VolumeRow extends Omit<StoredVolume, 'node' | 'wasMade'> {
  readonly node: { readonly id: string; readonly name: string; readonly online: boolean } | null;
  readonly createdAt: Date;
  /** Its engine is asked to remove it; null: it is not. */
  readonly removingSince: Date | null;
  /** Why its removal does not get on; null while it does. */
  readonly reason: string | null;
}

/** A volume that is to be removed from its engine. */
export interface RemovedVolume {
  readonly id: string;
  readonly name: string;
  readonly projectId: string;
  readonly nodeId: string | null;
  readonly nodeName: string | null;
  /** The node is no longer one of ours, so that its engine cannot be asked. */
  readonly nodeIsGone: boolean;
}

/**
 * The SQL on `volumes`. Who makes volumes of a project, mounts them or has them removed holds its `lockProject`: what deployments mount is
 * then as it is read. Locks are taken in the order deployments, quotas, projects of volumes, volumes, nodes.
 */
@Injectable()
export class VolumesRepository {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly config: AppConfig,
  ) {}

  /** Until the transaction ends nobody else changes which volumes the projects have, or what mounts them. */
  async lockProjects(tx: Tx, projectIds: readonly string[]): Promise<void> {
    if (projectIds.length > 0) await tx.query(LOCK_PROJECTS, [projectIds]);
  }

  /** Those of the names that the project has, by name. */
  async named(manager: Pick<Tx, 'query'>, projectId: string, names: readonly string[]): Promise<StoredVolume[]> {
    if (names.length === 0) return [];
    return manager.query(NAMED, [projectId, names]);
  }

  /** The same, and outside of a transaction. */
  async look(projectId: string, names: readonly string[]): Promise<StoredVolume[]> {
    return this.named(this.dataSource, projectId, names);
  }

  /** By name, and those that are being removed behind their successors. */
  async page(
    tx: Tx,
    projectId: string,
    { limit, offset }: { readonly limit: number; readonly offset: number },
  ): Promise<{ rows: VolumeRow[]; total: number }> {
    const seconds = this.config.NODE_OFFLINE_AFTER_SECONDS;
    const rows = await tx.query<VolumeRow[]>(PAGE, [projectId, seconds, limit, offset]);
    const count = `SELECT count(*)::int AS count FROM volumes WHERE project_id = $1`;
    const [all] = await tx.query<{ count: number }[]>(count, [projectId]);
    return { rows, total: all?.count ?? 0 };
  }

  /** Null when the project has no volume with this name, but for those that are being removed. */
  async find(tx: Tx, projectId: string, name: string): Promise<VolumeRow | null> {
    const [row] = await tx.query<VolumeRow[]>(`${ROWS} AND w.name = $3 AND w.removing_since IS NULL`, [
      ...[projectId, this.config.NODE_OFFLINE_AFTER_SECONDS, name],
    ]);
    return row ?? null;
  }

  /** Until the transaction ends nobody else places a replica that mounts one of them. */
  async lock(tx: Tx, ids: readonly string[]): Promise<void> {
    await tx.query(`SELECT 1 FROM volumes WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE`, [ids]);
  }

  async insert(
    tx: Tx,
    volumes: readonly { readonly name: string; readonly sizeGb: number }[],
    { projectId, userId }: { readonly projectId: string; readonly userId: string },
  ): Promise<void> {
    if (volumes.length === 0) return;
    await tx.query(INSERT, [projectId, userId, volumes.map(({ name }) => name), volumes.map(({ sizeGb }) => sizeGb)]);
  }

  /**
   * Binds volumes to the node for as long as they are there, and takes their room, which violates ck_nodes_reserved_storage when there is
   * none. False when others have bound one of them.
   */
  async bind(tx: Tx, ids: readonly string[], nodeId: string): Promise<boolean> {
    const [, bound] = await tx.query<[unknown[], number]>(BIND, [ids, nodeId]);
    return bound === ids.length;
  }

  /** Notes that the engine has them. */
  async noteMade(ids: readonly string[]): Promise<void> {
    await this.dataSource.query(NOTE_MADE, [ids]);
  }

  /** From now on they are no volumes of their projects any more, and their names are free. Gives what is to be removed. */
  async markRemoving(tx: Tx, ids: readonly string[]): Promise<RemovedVolume[]> {
    if (ids.length === 0) return [];
    const [rows] = await tx.query<[{ id: string }[], number]>(
      `UPDATE volumes SET removing_since = clock_timestamp()
        WHERE id = ANY($1::uuid[]) AND removing_since IS NULL RETURNING id`,
      [ids],
    );
    return tx.query(`${REMOVED} WHERE w.id = ANY($1::uuid[]) ORDER BY w.name`, [rows.map(({ id }) => id)]);
  }

  /** Null when it is gone, or is not to be removed. */
  async removing(id: string): Promise<RemovedVolume | null> {
    const [row] = await this.dataSource.query<RemovedVolume[]>(REMOVING, [id]);
    return row ?? null;
  }

  /** Forgets one that is gone, and gives its room back. False: somebody else has. */
  async forget(tx: Tx, id: string): Promise<boolean> {
    const [, count] = await tx.query<[unknown[], number]>(FORGET, [id]);
    return count > 0;
  }

  /** Those of the ids that no volume has. */
  async strangersAmong(ids: readonly string[]): Promise<string[]> {
    if (ids.length === 0) return [];
    const rows = await this.dataSource.query<{ id: string }[]>(STRANGERS, [ids]);
    return rows.map(({ id }) => id);
  }

  /** Makes jobs for those that wait for their removal and have none. */
  async enqueueRemovals(): Promise<void> {
    await this.dataSource.query(
      `INSERT INTO jobs (kind, key) SELECT 'volume.remove', id::text FROM volumes WHERE removing_since IS NOT NULL ORDER BY id
           ON CONFLICT (kind, key) DO NOTHING`,
    );
  }
}

const STORED = `
  SELECT w.id, w.name, w.size_gb AS "sizeGb", w.made_at IS NOT NULL AS "wasMade",
         CASE WHEN n.id IS NOT NULL THEN json_build_object('id', n.id, 'name', n.name) END AS node
    FROM volumes AS w LEFT JOIN nodes AS n ON n.id = w.node_id`;

/** $1 project, $2 seconds of silence after which a node is offline. The heartbeat of a removed node is an old one. */
const ROWS = `
  SELECT w.id, w.name, w.size_gb AS "sizeGb", w.created_at AS "createdAt", w.removing_since AS "removingSince",
         CASE WHEN n.id IS NOT NULL
              THEN json_build_object('id', n.id, 'name', n.name, 'online', coalesce(
                     n.removed_at IS NULL AND n.last_heartbeat > clock_timestamp() - make_interval(secs => $2),
                     false)) END AS node,
         CASE WHEN w.removing_since IS NOT NULL
              THEN (SELECT j.last_error FROM jobs AS j WHERE j.kind = 'volume.remove' AND j.key = w.id::text) END AS reason
    FROM volumes AS w LEFT JOIN nodes AS n ON n.id = w.node_id
   WHERE w.project_id = $1`;

const REMOVED = `
  SELECT w.id, w.name, w.project_id AS "projectId", n.id AS "nodeId", n.name AS "nodeName",
         n.removed_at IS NOT NULL AS "nodeIsGone"
    FROM volumes AS w LEFT JOIN nodes AS n ON n.id = w.node_id`;

/** $1 projects. Everybody locks in the order of ids. */
const LOCK_PROJECTS = `
  WITH p AS MATERIALIZED (SELECT DISTINCT id FROM unnest($1::uuid[]) AS id ORDER BY id)
  SELECT pg_advisory_xact_lock(hashtextextended('fog-compute volumes ' || id, 0)) FROM p`;

/** $1 project, $2 in whose quota they count, $3 names, $4 sizes. */
const INSERT = `
  INSERT INTO volumes (project_id, user_id, name, size_gb)
  SELECT $1, $2, v.name, v.size FROM unnest($3::text[], $4::int[]) AS v(name, size) ORDER BY v.name`;

/** $1 project, $2 names. */
const NAMED = `${STORED}
   WHERE w.project_id = $1 AND w.name = ANY($2::text[]) AND w.removing_since IS NULL ORDER BY w.name`;

/** $1 and $2 as in ROWS, $3 how many, $4 offset. */
const PAGE = `${ROWS} ORDER BY w.name, w.removing_since DESC NULLS FIRST, w.id LIMIT $3 OFFSET $4`;

/** $1 volumes, $2 node. */
const BIND = `
  UPDATE volumes SET node_id = $2
   WHERE id = ANY($1::uuid[]) AND node_id IS NULL AND removing_since IS NULL`;

/** $1 volumes. */
const NOTE_MADE = `
  UPDATE volumes SET made_at = clock_timestamp()
   WHERE id = ANY($1::uuid[]) AND made_at IS NULL AND node_id IS NOT NULL`;

/** $1 volume. */
const REMOVING = `${REMOVED} WHERE w.id = $1 AND w.removing_since IS NOT NULL`;

/** $1 volume. */
const FORGET = `DELETE FROM volumes WHERE id = $1 AND removing_since IS NOT NULL`;

/** $1 ids. */
const STRANGERS = `
  SELECT i.id FROM unnest($1::uuid[]) AS i(id)
   WHERE NOT EXISTS (SELECT 1 FROM volumes AS w WHERE w.id = i.id) ORDER BY i.id`;
