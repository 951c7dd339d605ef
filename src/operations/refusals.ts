import { DomainError } from '../common/problem/domain-error';

/** The same refusal for a missing operation and for another user's. */
export const operationNotFound = (id: string): DomainError => new DomainError('not_found', `Operation ${id} not found or access denied`);
