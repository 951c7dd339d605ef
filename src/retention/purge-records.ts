import type { AuditEntry } from '../audit/audit';
import type { Details } from '../audit/bounded-details';
import type { NewEvent } from '../events/events';
import type { PurgeCandidate } from './purge.repository';

/** The audit row of a purge: which deployment it was and how many rows were removed. No values of env, no labels. */
export function purgeAudit(candidate: PurgeCandidate, after: Details): AuditEntry {
  const { id, name, image, type, userId, deletedAt, purgeAt, retentionPolicy, rows } = candidate;
  return {
    action: 'deployment.purge',
    resourceType: 'deployment',
    resourceId: id,
    before: {
      name,
      image,
      type,
      user_id: userId,
      deleted_at: deletedAt?.toISOString() ?? null,
      purge_at: purgeAt?.toISOString() ?? null,
      retention_policy: retentionPolicy,
      removed_rows: rows,
    },
    after,
  };
}

/** The event of a purge, for the owner. Record it before the row is removed, because owner and labels are read from the row. */
export function purgeEvent({ id, deletedAt, purgeAt }: PurgeCandidate): NewEvent {
  return { type: 'fog.deployment.purged', deploymentId: id, data: { deleted_at: deletedAt, purge_at: purgeAt } };
}
