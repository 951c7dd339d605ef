import { DomainError } from '../common/problem/domain-error';
import type { Actor } from '../common/request-context';

/** What tokens that are bound to a project may ask for at all; what they see and do there is for their role to decide. */
const OPEN: readonly RegExp[] = [
  /^GET \/api\/auth\/me$/,
  /^GET \/api\/projects(\/[:{]id}?(\/members)?)?$/,
  /^[A-Z]+ \/api\/projects\/[:{]id}?\/(secrets|registries|volumes)(\/|$)/,
  // Work in the background goes on in the name of the user, and not of the token.
  /^[A-Z]+ \/api\/deployment\/(?!bulk-delete|bulk-restore)/,
];

/** Whether tokens that are bound to a project may use a route, such as `/api/projects/:id` or `/api/projects/{id}`. */
export const isOpenToBound = (method: string, route: string): boolean => OPEN.some((pattern) => pattern.test(`${method} ${route}`));

/** Throws `bound_token` for what is outside of the project of a bound token. */
export function requireUnbound({ boundTo }: Pick<Actor, 'boundTo'>, method: string, route: string): void {
  if (boundTo && !isOpenToBound(method === 'HEAD' ? 'GET' : method, route))
    throw new DomainError('bound_token', 'This token is bound to one project and may do nothing else');
}
