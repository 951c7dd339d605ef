import { Injectable } from '@nestjs/common';
import type { Tx } from '../database/transaction';

/** How many live deployments use a secret, and how many of them would get another value with their next revision. */
export interface SecretUse {
  readonly deployments: number;
  readonly outdated: number;
}

/** Which live deployments use the secrets of their project, in the revision that they run or that is rolled out. */
@Injectable()
export class SecretUsesRepository {
  /** By the name of the secret, for those of the names that are used. */
  async count(
    manager: Pick<Tx, 'query'>,
    projectId: string,
    secrets: readonly { readonly name: string; readonly version: number }[],
  ): Promise<ReadonlyMap<string, SecretUse>> {
    if (secrets.length === 0) return new Map();
    const rows = await manager.query<(SecretUse & { name: string })[]>(COUNT, [
      projectId,
      secrets.map(({ name }) => name),
      secrets.map(({ version }) => version),
    ]);
    return new Map(rows.map(({ name, ...use }) => [name, use]));
  }

  /** The first of those whose wanted revision has it in another version, by their ids, and how many there are. */
  async outdated(
    manager: Pick<Tx, 'query'>,
    projectId: string,
    { name, version, limit }: { readonly name: string; readonly version: number; readonly limit: number },
  ): Promise<{ ids: string[]; total: number }> {
    const rows = await manager.query<{ id: string; total: number }[]>(OUTDATED, [projectId, name, version, limit]);
    return { ids: rows.map(({ id }) => id), total: rows[0]?.total ?? 0 };
  }

  /** The names of the secrets that a deployment uses. */
  async usedBy(tx: Tx, deploymentId: string): Promise<string[]> {
    const rows = await tx.query<{ name: string }[]>(USED_BY, [deploymentId]);
    return rows.map(({ name }) => name);
  }
}

/** The revisions `v` that use secrets, of live deployments `d` with their open rollouts `o`. */
const USES = `
  deployments AS d
    LEFT JOIN deployment_rollouts AS o ON o.deployment_id = d.id AND o.number = d.open_rollout
    JOIN deployment_revisions AS v ON v.deployment_id = d.id AND v.spec ? 'secretVersions'`;

/** The revision that runs, or that is to run. */
const IN_USE = `(v.number = d.current_revision OR v.number = o.revision)`;

const IS_WANTED = `v.number = CASE WHEN o.state IN ('progressing', 'paused') THEN o.revision ELSE d.current_revision END`;

/** $1 project, $2 names of secrets, $3 their present versions. */
const COUNT = `
  SELECT s.name, count(DISTINCT d.id)::int AS deployments,
         (count(DISTINCT d.id) FILTER (
           WHERE ${IS_WANTED} AND (v.spec->'secretVersions'->>s.name)::int <> s.version))::int AS outdated
    FROM ${USES}
    JOIN unnest($2::text[], $3::int[]) AS s(name, version) ON v.spec->'secretVersions' ? s.name
   WHERE d.project_id = $1 AND d.deleted_at IS NULL AND ${IN_USE}
   GROUP BY s.name`;

/** $1 project, $2 name of a secret, $3 its present version, $4 how many. */
const OUTDATED = `
  SELECT d.id, (count(*) OVER ())::int AS total
    FROM ${USES}
   WHERE d.project_id = $1 AND d.deleted_at IS NULL AND ${IS_WANTED}
     AND v.spec->'secretVersions' ? $2 AND (v.spec->'secretVersions'->>$2)::int <> $3
   ORDER BY d.id LIMIT $4`;

/** $1 deployment. */
const USED_BY = `
  SELECT DISTINCT jsonb_object_keys(v.spec->'secretVersions') AS name
    FROM ${USES}
   WHERE d.id = $1 AND ${IN_USE} ORDER BY 1`;
