import { DomainError } from '../common/problem/domain-error';

/** The one answer for a missing operation and for somebody else's. */
export const operationNotFound = (id: string): DomainError => new DomainError('not_found', `Operation ${id} not found or access denied`);
