import { Injectable } from '@nestjs/common';
import type { Tx } from '../../database/transaction';
import type { VolumeMount } from '../../engines/container-spec';
import { MOUNTS } from './mounts.sql';

/** A live deployment that writes to a volume. */
export interface VolumeWriter {
  /** Of the volume. */
  readonly volume: string;
  readonly id: string;
  readonly name: string;
}

/** A deployment that mounts a volume, in the revision that runs or that is rolled out, or did so when it was deleted. */
export interface VolumeUse {
  /** Of the volume. */
  readonly volume: string;
  readonly id: string;
  readonly name: string;
  readonly path: string;
  readonly readOnly: boolean;
  /** Deleted and kept, so that a restore finds its volumes. */
  readonly deleted: boolean;
}

/** A volume by its id, and by its name for people. */
export interface NamedVolume {
  readonly id: string;
  readonly name: string;
}

type Manager = Pick<Tx, 'query'>;

/** Which deployments mount the volumes of their projects. Callers who rely on it hold `VolumesRepository.lockProjects`. */
@Injectable()
export class VolumeUsesRepository {
  /** The live deployments that write to the volumes with these names. */
  writers(manager: Manager, projectId: string, names: readonly string[]): Promise<VolumeWriter[]> {
    return manager.query(WRITERS, [projectId, names]);
  }

  /** What mounts the volumes with these names, by the name of the deployment; live ones first. */
  of(manager: Manager, projectId: string, names: readonly string[]): Promise<VolumeUse[]> {
    return names.length === 0 ? Promise.resolve([]) : manager.query(USES, [projectId, names]);
  }

  /** The names of the volumes that a deployment mounts. */
  async mountedBy(manager: Manager, deploymentId: string): Promise<string[]> {
    const rows = await manager.query<{ name: string }[]>(`SELECT DISTINCT m.name FROM ${MOUNTS} WHERE d.id = $1 ORDER BY 1`, [
      deploymentId,
    ]);
    return rows.map(({ name }) => name);
  }

  /** Whether a revision of it that counts writes to a volume; null when none mounts one. */
  async writes(manager: Manager, deploymentId: string): Promise<boolean | null> {
    const [row] = await manager.query<[{ writes: boolean | null }]>(WRITES, [deploymentId]);
    return row.writes;
  }

  /** The projects of those of the deployments that mount volumes. */
  async projectsOf(manager: Manager, deploymentIds: readonly string[]): Promise<string[]> {
    const projects = `SELECT DISTINCT d.project_id AS id FROM ${MOUNTS} WHERE d.id = ANY($1::uuid[])`;
    const rows = await manager.query<{ id: string }[]>(projects, [deploymentIds]);
    return rows.map(({ id }) => id);
  }

  /** The volumes that these deployments mount and no other one, live or kept. */
  onlyOf(manager: Manager, deploymentIds: readonly string[]): Promise<NamedVolume[]> {
    return manager.query(ONLY_OF, [deploymentIds]);
  }

  /** The volumes of a project that no deployment mounts, live or kept. */
  unmounted(manager: Manager, projectId: string): Promise<NamedVolume[]> {
    return manager.query(UNMOUNTED, [projectId]);
  }

  /** The replicas that write to these volumes, or may still do so, by the name of the volume. Their deployments may be deleted. */
  holders(manager: Manager, volumeIds: readonly string[]): Promise<VolumeWriter[]> {
    return manager.query(HOLDERS, [volumeIds]);
  }

  /** The mounts of one revision. */
  ofRevision(manager: Manager, deploymentId: string, revision: number): Promise<VolumeMount[]> {
    return manager.query(OF_REVISION, [deploymentId, revision]);
  }
}

/** $1 project, $2 names of volumes. */
const WRITERS = `
  SELECT DISTINCT m.name AS volume, d.id, d.name FROM ${MOUNTS}
   WHERE d.project_id = $1 AND d.deleted_at IS NULL AND m.name = ANY($2::text[]) AND NOT m."readOnly"
   ORDER BY 1, 3, 2`;

/** $1 project, $2 names of volumes. The newest of two revisions counts. */
const USES = `
  SELECT * FROM (
    SELECT DISTINCT ON (m.name, d.id) m.name AS volume, d.id, d.name, m.path, m."readOnly", d.deleted_at IS NOT NULL AS deleted
      FROM ${MOUNTS}
     WHERE d.project_id = $1 AND m.name = ANY($2::text[])
     ORDER BY m.name, d.id, v.number DESC) AS u
   ORDER BY u.volume, u.deleted, u.name, u.id`;

/** $1 deployment. */
const WRITES = `SELECT bool_or(m."readOnly" IS NOT TRUE) AS writes FROM ${MOUNTS} WHERE d.id = $1`;

/** $1 deployments. */
const ONLY_OF = `
  SELECT w.id, w.name FROM volumes AS w
   WHERE w.removing_since IS NULL
     AND (w.project_id, w.name) IN (SELECT d.project_id, m.name FROM ${MOUNTS} WHERE d.id = ANY($1::uuid[]))
     AND NOT EXISTS (SELECT 1 FROM ${MOUNTS}
                      WHERE d.project_id = w.project_id AND m.name = w.name AND d.id <> ALL($1::uuid[]))
   ORDER BY w.name, w.id`;

/** $1 project. */
const UNMOUNTED = `
  SELECT w.id, w.name FROM volumes AS w
   WHERE w.project_id = $1 AND w.removing_since IS NULL
     AND NOT EXISTS (SELECT 1 FROM ${MOUNTS} WHERE d.project_id = w.project_id AND m.name = w.name)
   ORDER BY w.name, w.id`;

/** $1 volumes. An open reservation means that the container may still be there. */
const HOLDERS = `
  SELECT DISTINCT w.name AS volume, d.id, d.name
    FROM volumes AS w
    JOIN deployments AS d ON d.project_id = w.project_id
    JOIN reservations AS s ON s.deployment_id = d.id AND s.released_at IS NULL
    JOIN deployment_replicas AS r ON r.id = s.replica_id
    JOIN deployment_revisions AS v ON v.deployment_id = d.id AND v.number = r.revision AND v.spec ? 'volumes'
   CROSS JOIN LATERAL jsonb_to_recordset(v.spec->'volumes') AS m(name text, "readOnly" boolean)
   WHERE w.id = ANY($1::uuid[]) AND m.name = w.name AND NOT m."readOnly"
   ORDER BY 1, 3, 2`;

/** $1 deployment, $2 revision. */
const OF_REVISION = `
  SELECT m.name, m.path, m."sizeGb", m."readOnly"
    FROM deployment_revisions AS v
   CROSS JOIN LATERAL jsonb_to_recordset(v.spec->'volumes') AS m(name text, path text, "sizeGb" int, "readOnly" boolean)
   WHERE v.deployment_id = $1 AND v.number = $2`;
