import type { AuditEntry } from '../audit/audit';
import type { NewEvent } from '../events/events';
import type { PurgeCandidate } from './purge.repository';

/** What stays of a purged deployment: who it was and how much went. No values of env, no labels. */
export function purgeAudit(candidate: PurgeCandidate, after: Readonly<Record<string, unknown>>): AuditEntry {
  const { id, name, image, type, userId, deletedAt, purgeAt, retentionPolicy, rows } = candidate;
  return {
    action: 'deployment.purge',
    resourceType: 'deployment',
    resourceId: id,
    before: { name, image, type, user_id: userId, deleted_at: deletedAt, purge_at: purgeAt, retention_policy: retentionPolicy, ...rows },
    after,
  };
}

/** For the owner. Recorded before the row goes: the event takes owner and labels from it. */
export function purgeEvent({ id, deletedAt, purgeAt }: PurgeCandidate): NewEvent {
  return { type: 'fog.deployment.purged', deploymentId: id, data: { deleted_at: deletedAt, purge_at: purgeAt } };
}
