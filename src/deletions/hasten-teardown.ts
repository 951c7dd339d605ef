import { Injectable } from '@nestjs/common';
import type { AuditEntry } from '../audit/audit';
import type { Actor } from '../common/request-context';
import { PubSub } from '../database/pub-sub';
import { afterCommit, type Tx } from '../database/transaction';
import { DEPLOYMENT_TOPIC } from '../deployments/deployments.repository';
import { matchFault } from '../deployments/etag';
import type { DecidedDeletion } from './deletions.repository';
import { ForceRelease } from './force-release';

interface Hastened extends DecidedDeletion {
  readonly graceSeconds: number;
  readonly version: number;
}

const FORCE_RELEASED = 'Given up by a forced deletion: its node did not answer';

/**
 * The second delete of a deployment, with `force`: the teardown that is under way kills at once instead of giving the
 * containers the rest of their grace time, and keeps none of them warm.
 */
@Injectable()
export class HastenTeardown {
  constructor(
    private readonly forceRelease: ForceRelease,
    private readonly pubSub: PubSub,
  ) {}

  /**
   * Works in the caller's transaction, which holds the lock of the deployment and wakes its job. Null when there is nothing to
   * hasten: the teardown is complete, or forced already. Throws `precondition_failed`.
   */
  async hasten(
    tx: Tx,
    id: string,
    { ifMatch, actor }: { readonly ifMatch: string | null; readonly actor: Actor },
  ): Promise<{ decision: DecidedDeletion; audit: readonly AuditEntry[] } | null> {
    const [row] = await tx.query<Hastened[]>(HASTEN, [id]);
    if (!row) return null;
    const { graceSeconds, version, ...decision } = row;
    const fault = matchFault(ifMatch, version);
    if (fault) throw fault;
    afterCommit(tx, () => this.pubSub.publish(DEPLOYMENT_TOPIC, id));
    const order = { nodeId: null, words: FORCE_RELEASED };
    const { replicas, released } = actor.isAdmin
      ? await this.forceRelease.release(tx, [id], order)
      : { replicas: [], released: new Set<string>() };
    const lost = new Set(replicas.map((replica) => replica.id));
    const about = { resourceType: 'deployment', resourceId: id };
    const audit: AuditEntry[] = [
      {
        action: 'deployment.delete',
        ...about,
        before: { status: 'deleted', grace_seconds: graceSeconds, force: false },
        after: { status: 'deleted', grace_seconds: 0, force: true, replicas_stopping: decision.stoppingIds.length - lost.size },
      },
    ];
    if (lost.size > 0) {
      const after = { reason: FORCE_RELEASED, node_ids: [...new Set(replicas.map(({ nodeId }) => nodeId))], replicas: lost.size };
      audit.push({ action: 'deployment.force_release', ...about, after });
    }
    return {
      decision: { ...decision, complete: released.has(id), stoppingIds: decision.stoppingIds.filter((each) => !lost.has(each)) },
      audit,
    };
  }
}

/** $1 deployment. */
const HASTEN = `
  WITH before AS (
    SELECT x.generation, x.grace_seconds FROM deletions AS x
     WHERE x.deployment_id = $1 AND x.completed_at IS NULL AND x.restored_at IS NULL AND NOT x.force
     ORDER BY x.generation DESC LIMIT 1 FOR UPDATE),
  hastened AS (
    UPDATE deletions AS x SET force = true, grace_seconds = 0, warm_until = NULL
      FROM before WHERE x.deployment_id = $1 AND x.generation = before.generation
    RETURNING x.generation, before.grace_seconds),
  cooled AS (
    UPDATE deployment_replicas AS r SET warm_until = NULL, suspended_at = NULL, stop_retry_at = NULL
      FROM hastened WHERE r.deployment_id = $1 AND r.status = 'stopping' AND r.generation <= hastened.generation
    RETURNING r.id)
  SELECT d.id, d.version, h.generation, h.grace_seconds AS "graceSeconds", d.deleted_at AS "deletedAt", d.purge_at AS "purgeAt",
         NULL AS "warmUntil", false AS complete, coalesce((SELECT json_agg(id) FROM cooled), '[]') AS "stoppingIds",
         '[]'::json AS "unstartedIds"
    FROM hastened AS h JOIN deployments AS d ON d.id = $1 AND d.status = 'deleted'`;
