import type { RoleChange } from '../rights/membership-news';
import type { AuditEntry } from './audit';

/** So many ids of users fit into one row. */
const USERS_OF_A_ROW = 80;

/**
 * What groups of the identity provider have done to the roles of members: one entry for all users of a project whose role changed in
 * the same way, or several when they are many.
 */
export function groupEntries(changes: readonly RoleChange[]): AuditEntry[] {
  const alike = new Map<string, RoleChange[]>();
  for (const change of changes) {
    if (change.before === change.after) continue;
    const key = `${change.projectId} ${change.before ?? ''} ${change.after ?? ''}`;
    alike.set(key, [...(alike.get(key) ?? []), change]);
  }
  return [...alike.values()].flatMap((same) => chunks(same).map(entryOf));
}

function chunks<T>(all: readonly T[]): T[][] {
  const count = Math.ceil(all.length / USERS_OF_A_ROW);
  return Array.from({ length: count }, (_unused, n) => all.slice(n * USERS_OF_A_ROW, (n + 1) * USERS_OF_A_ROW));
}

function entryOf(same: readonly RoleChange[]): AuditEntry {
  const [first] = same;
  return {
    action: 'project.follow_groups',
    resourceType: 'project',
    resourceId: first?.projectId ?? null,
    before: { role: first?.before ?? null },
    after: { role: first?.after ?? null, user_ids: same.map(({ userId }) => userId) },
  };
}
