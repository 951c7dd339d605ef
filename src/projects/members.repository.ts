import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { isUuid } from '../common/uuid';
import type { Tx } from '../database/transaction';
import { directRole, stronger } from '../rights/group-roles';
import type { Role } from '../rights/rights';
import type { Member } from './project.types';

/** All SQL on `project_members`. Callers of writes hold the lock of the project. */
@Injectable()
export class MembersRepository {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  /** By user name. */
  async page(projectId: string, { limit, offset }: { readonly limit: number; readonly offset: number }): Promise<Member[]> {
    return this.dataSource.query<Member[]>(`${MEMBERS} ORDER BY u.username LIMIT $2 OFFSET $3`, [projectId, limit, offset]);
  }

  async find(tx: Tx, projectId: string, userId: string): Promise<Member | null> {
    const [row] = await tx.query<Member[]>(`${MEMBERS} AND m.user_id = $2`, [projectId, userId]);
    return row ?? null;
  }

  /** The id of the user with this id or name; null: there is none. */
  async userId(tx: Tx, ref: string): Promise<string | null> {
    const [row] = await tx.query<{ id: string }[]>(
      `SELECT id FROM users WHERE id = $1::uuid OR username = $2 ORDER BY id = $1::uuid DESC LIMIT 1 FOR KEY SHARE`,
      [isUuid(ref) ? ref : null, ref.toLowerCase()],
    );
    return row?.id ?? null;
  }

  async count(tx: Tx, projectId: string): Promise<{ members: number; maintainers: number }> {
    const [row] = await tx.query<{ members: number; maintainers: number }[]>(
      `SELECT count(*)::int AS members, count(*) FILTER (WHERE ${directRole('m')} = 'maintainer')::int AS maintainers
         FROM project_members AS m WHERE project_id = $1`,
      [projectId],
    );
    return row ?? { members: 0, maintainers: 0 };
  }

  /** Adds the member, or changes the direct role of one who is there. */
  async put(tx: Tx, { projectId, userId, role }: { projectId: string; userId: string; role: Role }): Promise<void> {
    await tx.query(
      `INSERT INTO project_members AS m (project_id, user_id, role) VALUES ($1, $2, $3)
       ON CONFLICT (project_id, user_id) DO UPDATE
          SET role = ${stronger('excluded.role', 'm.group_role')},
              direct_role = CASE WHEN m.group_role IS NOT NULL THEN excluded.role END`,
      [projectId, userId, role],
    );
  }

  /** Who is a member by a group too stays one with the role of that. */
  async remove(tx: Tx, projectId: string, userId: string): Promise<void> {
    await tx.query(
      `WITH stays AS (
         UPDATE project_members SET role = group_role, direct_role = NULL
          WHERE project_id = $1 AND user_id = $2 AND group_role IS NOT NULL)
       DELETE FROM project_members WHERE project_id = $1 AND user_id = $2 AND group_role IS NULL`,
      [projectId, userId],
    );
  }
}

/** $1 project. */
const MEMBERS = `
  SELECT m.user_id AS "userId", u.username, u.is_active AS "isActive", m.role,
         ${directRole('m')} AS "directRole", m.group_role AS "groupRole", m.added_at AS "addedAt"
    FROM project_members AS m JOIN users AS u ON u.id = m.user_id WHERE m.project_id = $1`;
