import { Injectable } from '@nestjs/common';
import type { Tx } from '../database/transaction';

/** A credential as it may be seen. */
export interface RegistryView {
  readonly name: string;
  readonly server: string;
  readonly username: string;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

export interface StoredRegistry extends RegistryView {
  readonly id: string;
  readonly version: number;
  readonly sealed: Buffer;
}

type Manager = Pick<Tx, 'query'>;

interface NewRegistry extends Pick<StoredRegistry, 'id' | 'name' | 'server' | 'username' | 'sealed'> {
  readonly projectId: string | null;
  readonly userId: string;
}

/** All SQL on `registries`. The project null is the installation. */
@Injectable()
export class RegistriesRepository {
  /** Until the transaction ends nobody else sets or deletes credentials there. */
  async lock(tx: Tx, projectId: string | null): Promise<void> {
    await tx.query(LOCK, [projectId ?? 'installation']);
  }

  async find(manager: Manager, projectId: string | null, name: string): Promise<StoredRegistry | null> {
    const [row] = await manager.query<StoredRegistry[]>(FIND, [projectId, name]);
    return row ?? null;
  }

  /** By name, all of them: there are at most `MOST_REGISTRIES`. */
  async list(manager: Manager, projectId: string | null): Promise<StoredRegistry[]> {
    return manager.query<StoredRegistry[]>(LIST, [projectId]);
  }

  /** Those of the project before those of the installation. */
  async usable(manager: Manager, projectId: string): Promise<StoredRegistry[]> {
    return manager.query<StoredRegistry[]>(USABLE, [projectId]);
  }

  async put(tx: Tx, { id, projectId, name, server, username, sealed, userId }: NewRegistry): Promise<void> {
    await tx.query(PUT, [id, projectId, name, server, username, sealed, userId]);
  }

  async remove(tx: Tx, id: string): Promise<void> {
    await tx.query(`DELETE FROM registries WHERE id = $1`, [id]);
  }

  /** Notes that a pull with this content of a credential failed; null when that is known for less than a day, or it is another one by now. */
  async noteFailed(tx: Tx, revision: string): Promise<{ projectId: string | null; name: string; server: string } | null> {
    const [[noted]] = await tx.query<[{ projectId: string | null; name: string; server: string }[], number]>(NOTE_FAILED, [revision]);
    return noted ?? null;
  }

  /** All of a project that goes. */
  async removeAll(tx: Tx, projectId: string): Promise<void> {
    await tx.query(`DELETE FROM registries WHERE project_id = $1`, [projectId]);
  }
}

const LOCK = `SELECT pg_advisory_xact_lock(hashtextextended('fog-compute registries ' || $1, 0))`;

const COLUMNS = `id, name, server, username, sealed, version, created_at AS "createdAt", updated_at AS "updatedAt"`;

/** $1 project, or null for the installation, $2 name. */
const FIND = `SELECT ${COLUMNS} FROM registries WHERE project_id IS NOT DISTINCT FROM $1::uuid AND name = $2`;

/** $1 project, or null for the installation. */
const LIST = `SELECT ${COLUMNS} FROM registries WHERE project_id IS NOT DISTINCT FROM $1::uuid ORDER BY name`;

/** $1 project. */
const USABLE = `
  SELECT ${COLUMNS} FROM registries WHERE project_id = $1 OR project_id IS NULL ORDER BY project_id IS NULL, name`;

/** $1 id, $2 project or null, $3 name, $4 server, $5 user name, $6 the encrypted password, $7 who sets it. */
const PUT = `
  INSERT INTO registries (id, project_id, name, server, username, sealed, updated_by) VALUES ($1, $2, $3, $4, $5, $6, $7)
      ON CONFLICT (id) DO UPDATE
     SET server = excluded.server, username = excluded.username, sealed = excluded.sealed, updated_by = excluded.updated_by,
         version = registries.version + 1, updated_at = clock_timestamp(), failed_at = NULL`;

/** $1 the id of a credential, a dash, and its version. */
const NOTE_FAILED = `
  UPDATE registries SET failed_at = clock_timestamp()
   WHERE id = left($1, 36)::uuid AND version = substr($1, 38)::int
     AND (failed_at IS NULL OR failed_at < clock_timestamp() - interval '1 day')
  RETURNING project_id AS "projectId", name, server`;
