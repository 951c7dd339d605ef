import { Injectable } from '@nestjs/common';
import type { Tx } from '../database/transaction';
import type { SealedContainer } from './spec/container-vault';

/** So many revisions of a deployment are kept, the newest ones. */
export const KEPT_REVISIONS = 20;

interface NewRevision {
  /** One more than that of the newest, which the caller has read under the lock. */
  readonly number: number;
  /** What it changes, in words. */
  readonly reason: string;
  readonly createdBy: string | null;
  /** The digest of the image, where it is known from an older revision with the same content. */
  readonly imageDigest?: string | null;
}

/** Every write to `deployment_revisions` but that of the first one. Callers hold the lock of the deployment row. */
@Injectable()
export class RevisionsRepository {
  /** Adds the next revision. */
  async add(
    tx: Tx,
    deploymentId: string,
    { spec, sealed }: SealedContainer,
    { number, reason, createdBy, imageDigest = null }: NewRevision,
  ): Promise<void> {
    await tx.query(
      `INSERT INTO deployment_revisions (deployment_id, number, spec, reason, created_by, image_digest, env_sealed)
       VALUES ($1, $2, $3::jsonb, $4, $5, $6, $7)`,
      [deploymentId, number, spec, reason, createdBy, imageDigest, sealed],
    );
  }

  /**
   * Erases the specs of all revisions but the newest ones, the current one, the one that was current before it, and those that replicas
   * still run. Finished replicas name their revisions, so the rows stay. `newest` is the number that was given last.
   */
  async forget(tx: Tx, deploymentId: string, newest: number): Promise<void> {
    if (newest <= KEPT_REVISIONS) return;
    await tx.query(FORGET, [deploymentId, KEPT_REVISIONS]);
  }
}

/** $1 deployment, $2 how many are kept. */
const FORGET = `
  UPDATE deployment_revisions AS v SET spec = '{}', env_sealed = NULL
    FROM deployments AS d
   WHERE d.id = $1 AND v.deployment_id = $1 AND v.number <> d.current_revision AND v.spec <> '{}'
     AND v.number IS DISTINCT FROM (SELECT max(o.from_revision) FROM deployment_rollouts AS o
                                     WHERE o.deployment_id = $1 AND o.from_revision <> d.current_revision)
     AND v.number <= (SELECT max(number) FROM deployment_revisions WHERE deployment_id = $1) - $2
     AND NOT EXISTS (SELECT 1 FROM deployment_replicas AS r
                      WHERE r.deployment_id = $1 AND r.revision = v.number AND r.status IN ('pending', 'starting', 'running'))`;
