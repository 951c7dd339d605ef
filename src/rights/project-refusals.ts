import { DomainError } from '../common/problem/domain-error';
import { isUuid } from '../common/uuid';

/** The same answer for a missing, a deleted and a foreign project, so that strangers do not learn that it exists. */
export const projectNotFound = (ref: string): DomainError => new DomainError('not_found', `Project ${ref} not found or access denied`);

/** The id of a path in its one spelling. Throws `not_found` for what is none. */
export function requireProjectId(id: string): string {
  if (!isUuid(id)) throw projectNotFound(id.slice(0, 64));
  return id.toLowerCase();
}
