import { Injectable } from '@nestjs/common';
import type { Tx } from '../database/transaction';

/** A secret as its members may see it. */
export interface SecretView {
  readonly name: string;
  readonly version: number;
  readonly bytes: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

export interface StoredSecret extends SecretView {
  readonly sealed: Buffer;
}

interface NewValue {
  readonly projectId: string;
  readonly name: string;
  readonly version: number;
  readonly sealed: Buffer;
  readonly bytes: number;
  readonly userId: string;
}

/** All SQL on `project_secrets`. Whoever writes holds `lock` of the secret, and whoever deploys with it keeps its row from changing. */
@Injectable()
export class SecretsRepository {
  /** Until the transaction ends nobody else sets or deletes the secret with this name, whether it exists or not. */
  async lock(tx: Tx, projectId: string, name: string): Promise<void> {
    await tx.query(LOCK, [projectId, name]);
  }

  async find(manager: Pick<Tx, 'query'>, projectId: string, name: string): Promise<StoredSecret | null> {
    const [row] = await manager.query<StoredSecret[]>(FIND, [projectId, name]);
    return row ?? null;
  }

  /** By name. */
  async page(
    manager: Pick<Tx, 'query'>,
    projectId: string,
    { limit, offset }: { readonly limit: number; readonly offset: number },
  ): Promise<{ rows: SecretView[]; total: number }> {
    const rows = await manager.query<SecretView[]>(
      `SELECT ${VIEW} FROM project_secrets AS s WHERE project_id = $1 ORDER BY name LIMIT $2 OFFSET $3`,
      [projectId, limit, offset],
    );
    return { rows, total: await this.count(manager, projectId) };
  }

  async count(manager: Pick<Tx, 'query'>, projectId: string): Promise<number> {
    const [row] = await manager.query<{ count: number }[]>(
      `SELECT count(*)::int AS count FROM project_secrets
        WHERE project_id = $1`,
      [projectId],
    );
    return row?.count ?? 0;
  }

  /** Those of the names that there are. `keep`: until the transaction ends they neither change nor go. */
  async values(
    tx: Tx,
    projectId: string,
    names: readonly string[],
    { keep }: { readonly keep: boolean },
  ): Promise<Pick<StoredSecret, 'name' | 'version' | 'sealed'>[]> {
    return tx.query(
      `SELECT name, version, sealed FROM project_secrets
        WHERE project_id = $1 AND name = ANY($2::text[])
        ORDER BY name ${keep ? 'FOR SHARE' : ''}`,
      [projectId, names],
    );
  }

  async put(tx: Tx, { projectId, name, version, sealed, bytes, userId }: NewValue): Promise<void> {
    await tx.query(PUT, [projectId, name, version, sealed, bytes, userId]);
  }

  /** Waits for those who deploy with it. */
  async remove(tx: Tx, projectId: string, name: string): Promise<void> {
    await tx.query(`DELETE FROM project_secrets AS s WHERE ${ONE}`, [projectId, name]);
  }

  /** Waits for those who deploy with it, and lets nobody begin to. */
  async hold(tx: Tx, projectId: string, name: string): Promise<void> {
    await tx.query(`SELECT 1 FROM project_secrets AS s WHERE ${ONE} FOR UPDATE`, [projectId, name]);
  }

  /** All of a project that goes. */
  async removeAll(tx: Tx, projectId: string): Promise<void> {
    await tx.query(`DELETE FROM project_secrets WHERE project_id = $1`, [projectId]);
  }
}

const LOCK = `SELECT pg_advisory_xact_lock(hashtextextended('fog-compute secret ' || $1 || ' ' || $2, 0))`;

const VIEW = `s.name, s.version, s.bytes, s.created_at AS "createdAt", s.updated_at AS "updatedAt"`;

/** $1 project, $2 name. */
const ONE = `s.project_id = $1 AND s.name = $2`;

const FIND = `SELECT ${VIEW}, sealed FROM project_secrets AS s WHERE ${ONE}`;

/** $1 project, $2 name, $3 version, $4 the encrypted value, $5 its bytes, $6 who sets it. */
const PUT = `
  INSERT INTO project_secrets (project_id, name, version, sealed, bytes, updated_by) VALUES ($1, $2, $3, $4, $5, $6)
      ON CONFLICT (project_id, name) DO UPDATE
     SET version = excluded.version, sealed = excluded.sealed, bytes = excluded.bytes, updated_by = excluded.updated_by,
         updated_at = clock_timestamp()`;
