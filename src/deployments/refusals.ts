import { DomainError } from '../common/problem/domain-error';
import { isUuid } from '../common/uuid';
import type { LockedDeployment } from './deployments.repository';

/** The same answer for a missing and a foreign deployment, deleted or not, so that strangers do not learn that it exists. */
export const deploymentNotFound = (id: string): DomainError => new DomainError('not_found', `Deployment ${id} not found or access denied`);

/** Refuses a path id that is not a UUID. The answer differs by route: 400 for DELETE, 404 elsewhere. */
export function requireDeploymentId(id: string, code: 'not_found' | 'invalid_deployment_id' = 'not_found'): string {
  if (!isUuid(id)) throw new DomainError(code, 'Invalid deployment ID format');
  return id.toLowerCase();
}

/** The locked deployment; throws `not_found` when it is missing or deleted. */
export function requireLive<D extends LockedDeployment>(deployment: D | null, id: string): D {
  if (!deployment || deployment.status === 'deleted') throw deploymentNotFound(id);
  return deployment;
}
