import { DomainError } from '../common/problem/domain-error';
import { isUuid } from '../common/uuid';
import type { LockedDeployment } from './deployments.repository';

/** The one answer for missing, foreign, and foreign and deleted: nobody learns that it exists. */
export const deploymentNotFound = (id: string): DomainError => new DomainError('not_found', `Deployment ${id} not found or access denied`);

/** A path id that is not a UUID. Its status differs by route: 400 for DELETE, 404 elsewhere (contract, section 5). */
export function requireDeploymentId(id: string, code: 'not_found' | 'invalid_deployment_id' = 'not_found'): string {
  if (!isUuid(id)) throw new DomainError(code, 'Invalid deployment ID format');
  return id.toLowerCase();
}

/** The locked deployment, or the 404 that also answers for deleted ones. */
export function requireLive(deployment: LockedDeployment | null, id: string): LockedDeployment {
  if (!deployment || deployment.status === 'deleted') throw deploymentNotFound(id);
  return deployment;
}
