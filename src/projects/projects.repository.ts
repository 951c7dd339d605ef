import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import type { Actor } from '../common/request-context';
import type { Tx } from '../database/transaction';
import { holdingsOf } from '../deployments/holdings.sql';
import { QuotaLimits } from '../quotas/quota-limits';
import type { Role } from '../rights/rights';
import { reachOf } from '../rights/reach';
import { allows, roleIn } from '../rights/rights.sql';
import type { LockedProject, Project, ProjectWords } from './project.types';

type ProjectRow = Omit<Project, 'limits'>;
type Caller = Pick<Actor, 'userId' | 'isAdmin' | 'boundTo'>;

/** All SQL on `projects`. Callers of writes hold the lock of the project, which also decides about its members. */
@Injectable()
export class ProjectsRepository {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly limits: QuotaLimits,
  ) {}

  /** Null when there is none, or when the caller may not see it. Within a transaction it sees what that has written. */
  async find(id: string, caller: Caller, tx: Pick<Tx, 'query'> = this.dataSource): Promise<Project | null> {
    const [row] = await tx.query<ProjectRow[]>(`${VIEW} AND p.id = $3`, [caller.userId, reachOf(caller), id]);
    return row ? this.toProject(row) : null;
  }

  /** The personal project first, then the others by name. `all`: those of everybody, for administrators. */
  async page(
    caller: Caller,
    { all, limit, offset }: { readonly all: boolean; readonly limit: number; readonly offset: number },
  ): Promise<{ rows: Project[]; total: number }> {
    const [rows, [count]] = await Promise.all([
      this.dataSource.query<ProjectRow[]>(PAGE, [caller.userId, reachOf(caller), all, limit, offset]),
      this.dataSource.query<{ total: number }[]>(COUNT, [caller.userId, reachOf(caller), all]),
    ]);
    return { rows: rows.map((row) => this.toProject(row)), total: count?.total ?? 0 };
  }

  /** Null as with `find`. Until the transaction ends nobody else changes the project or its members. */
  async lock(tx: Tx, id: string, caller: Caller): Promise<LockedProject | null> {
    await tx.query(`${LOCK} FOR NO KEY UPDATE`, [id]);
    return this.look(tx, id, caller);
  }

  /** The same, and nobody deploys into it either until the transaction ends; those who are doing so are waited for. */
  async lockWhole(tx: Tx, id: string, caller: Caller): Promise<LockedProject | null> {
    await tx.query(`${LOCK} FOR UPDATE`, [id]);
    return this.look(tx, id, caller);
  }

  /** The same without a lock. */
  async look(tx: Tx, id: string, caller: Caller): Promise<LockedProject | null> {
    const [row] = await tx.query<LockedProject[]>(LOOK, [caller.userId, reachOf(caller), id]);
    return row ?? null;
  }

  /** How many projects the user has made that are there. Others of this user's requests wait until the transaction ends. */
  async countMadeBy(tx: Tx, userId: string): Promise<number> {
    await tx.query(`SELECT 1 FROM projects WHERE id = $1 FOR NO KEY UPDATE`, [userId]);
    const [row] = await tx.query<{ count: number }[]>(
      `SELECT count(*)::int AS count FROM projects WHERE created_by = $1 AND personal_of IS NULL AND deleted_at IS NULL`,
      [userId],
    );
    return row?.count ?? 0;
  }

  /** Makes the project, with its maker as the first maintainer. Violates uq_projects_name when the name is taken. */
  async insert(tx: Tx, { name, description }: ProjectWords, userId: string): Promise<string> {
    const [row] = await tx.query<{ id: string }[]>(INSERT, [name, description, userId]);
    if (!row) throw new Error('The project was not made');
    return row.id;
  }

  /** Violates uq_projects_name when the name is taken. */
  async change(tx: Tx, id: string, { name, description }: ProjectWords): Promise<void> {
    const change = `
      UPDATE projects SET name = $2, description = $3, version = version + 1, updated_at = clock_timestamp() WHERE id = $1`;
    await tx.query(change, [id, name, description]);
  }

  /** Counts a decision about the members. */
  async touch(tx: Tx, id: string): Promise<void> {
    await tx.query(`UPDATE projects SET version = version + 1, updated_at = clock_timestamp() WHERE id = $1`, [id]);
  }

  async countLive(tx: Tx, id: string): Promise<number> {
    const [row] = await tx.query<{ count: number }[]>(
      `SELECT count(*)::int AS count FROM deployments WHERE project_id = $1 AND deleted_at IS NULL`,
      [id],
    );
    return row?.count ?? 0;
  }

  /** Its row and members stay for the deleted deployments that are kept. */
  async markDeleted(tx: Tx, id: string): Promise<void> {
    await tx.query(`UPDATE projects SET deleted_at = clock_timestamp(), version = version + 1 WHERE id = $1`, [id]);
  }

  private toProject(row: ProjectRow): Project {
    return { ...row, limits: this.limits.of(row.isPersonal ? 'user' : 'project', row.ownQuota) };
  }

  /** The role of the user in the project; null: not a member. */
  async roleOf(tx: Tx, id: string, userId: string): Promise<Role | null> {
    const role = `SELECT role FROM project_members WHERE project_id = $1 AND user_id = $2`;
    const [row] = await tx.query<{ role: Role }[]>(role, [id, userId]);
    return row?.role ?? null;
  }
}

const CALLER = { project: 'p.id', userId: '$1', reach: '$2' };

/** Whether what the user holds in all projects is shown: with the personal project, but not to a token that is bound to it. */
const IS_OF_USER = `(p.personal_of IS NOT NULL AND $2 IN ('all', 'own'))`;
const OF_USER = holdingsOf({ where: 'd.user_id = p.id', secrets: 'k.updated_by = p.id', volumes: 'w.user_id = p.id', sizes: true });
const OF_PROJECT = holdingsOf({
  where: 'd.project_id = p.id',
  secrets: 'k.project_id = p.id',
  volumes: 'w.project_id = p.id',
  sizes: true,
});

/** $1 the caller, $2 what its credential reaches. What is counted is what open reservations hold. */
const COLUMNS = `
  SELECT p.id, p.name, p.description, p.personal_of IS NOT NULL AS "isPersonal", ${roleIn(CALLER)} AS role, p.version,
         p.created_at AS "createdAt", p.updated_at AS "updatedAt",
         (SELECT count(*)::int FROM project_members AS m WHERE m.project_id = p.id) AS members,
         (SELECT count(*)::int FROM deployments AS d WHERE d.project_id = p.id AND d.deleted_at IS NULL) AS deployments,
         u.replicas, u.cpu_cores AS "cpuCores", u.memory_mb AS "memoryMb", u.gpu_units AS "gpuUnits",
         u.storage_gb AS "storageGb", p.quota AS "ownQuota", row_to_json(h) AS held
    FROM projects AS p
   CROSS JOIN LATERAL (
     SELECT count(*)::int AS replicas, coalesce(sum(v.cpu_cores), 0)::float8 AS cpu_cores,
            coalesce(sum(v.memory_mb), 0)::float8 AS memory_mb, coalesce(sum(v.gpu_units), 0)::int AS gpu_units,
            coalesce(sum(v.storage_gb), 0)::float8 AS storage_gb
       FROM deployments AS d JOIN reservations AS v ON v.deployment_id = d.id AND v.released_at IS NULL
      WHERE d.project_id = p.id) AS u
   CROSS JOIN LATERAL (
     SELECT * FROM (${OF_USER}) AS a WHERE ${IS_OF_USER}
      UNION ALL
     SELECT * FROM (${OF_PROJECT}) AS a WHERE NOT ${IS_OF_USER}) AS h`;

const VIEW = `${COLUMNS} WHERE p.deleted_at IS NULL AND ${allows('project.read', CALLER)}`;

/** $3 whether those of all users are shown. */
const IS_SHOWN = `
  p.deleted_at IS NULL AND ${allows('project.read', CALLER)}
   AND ($3 OR EXISTS (SELECT 1 FROM project_members AS m WHERE m.project_id = p.id AND m.user_id = $1))`;
/** $4 limit, $5 offset. The projects of the page are chosen first, so that only for these it is counted what they hold. */
const PAGE = `
  WITH page AS MATERIALIZED (
    SELECT p.id FROM projects AS p WHERE ${IS_SHOWN} ORDER BY p.id <> $1, p.name LIMIT $4 OFFSET $5)
  ${COLUMNS} WHERE p.id IN (SELECT id FROM page) ORDER BY p.id <> $1, p.name`;
const COUNT = `SELECT count(*)::int AS total FROM projects AS p WHERE ${IS_SHOWN}`;

/** $1 project. A statement of its own, because one that waits for a lock has read the members before the wait. */
const LOCK = `SELECT 1 FROM projects WHERE id = $1`;

/** $1 the caller, $2 what its credential reaches, $3 project. */
const LOOK = `
  SELECT p.id, p.name, p.description, p.personal_of IS NOT NULL AS "isPersonal", p.version, ${roleIn(CALLER)} AS role
    FROM projects AS p WHERE p.id = $3 AND p.deleted_at IS NULL AND ${allows('project.read', CALLER)}`;

/** $1 name, $2 description, $3 who makes it. */
const INSERT = `
  WITH made AS (INSERT INTO projects (name, description, created_by) VALUES ($1, $2, $3) RETURNING id),
  joined AS (INSERT INTO project_members (project_id, user_id, role) SELECT id, $3, 'maintainer' FROM made)
  SELECT id FROM made`;
