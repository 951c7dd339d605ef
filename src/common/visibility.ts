import { DomainError } from './problem/domain-error';
import type { Actor } from './request-context';

type Viewer = Pick<Actor, 'userId' | 'isAdmin'>;

/**
 * SQL that is true for the rows of `table` that a caller may see: users see their own, administrators see all. `userId`
 * and `isAdmin` are the parameters, or columns, that say who calls.
 */
export const visibleTo = (table: string, userId: string, isAdmin: string): string => `(${table}.user_id = ${userId} OR ${isAdmin})`;

/**
 * The same rule for lists. They show the rows of the caller unless the request names another user or asks for all.
 * Gives the user whose rows are listed, or null for all users. Throws `admin_required`, with the `deed` that was tried,
 * when others are asked for and the caller is no administrator.
 */
export function whoseToList(asked: { userId?: string | undefined; all: boolean }, viewer: Viewer, deed: string): string | null {
  const own = asked.userId === undefined || asked.userId.toLowerCase() === viewer.userId;
  if (own && !asked.all) return viewer.userId;
  if (!viewer.isAdmin) throw new DomainError('admin_required', `Only administrators may ${deed} of others`);
  return asked.userId?.toLowerCase() ?? null;
}
