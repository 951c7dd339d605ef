import type { Actor } from '../common/request-context';

/** Whose rights a statement asks for, beside the id of the user. */
export type Reaching = Pick<Actor, 'isAdmin' | 'boundTo'>;

/** What a credential reaches, as the one parameter that `rights.sql.ts` reads: everything, what is the user's, or one project with a role. */
export function reachOf({ isAdmin, boundTo }: Reaching): string {
  if (boundTo) return `${boundTo.projectId} ${boundTo.role}`;
  return isAdmin ? 'all' : 'own';
}
