import { DomainError } from '../common/problem/domain-error';
import type { DeploymentStatus } from '../deployments/domain/deployment-status';

export const notDeleted = (status: DeploymentStatus): DomainError =>
  new DomainError('not_deleted', `The deployment is ${status}, not deleted`);

export const nameTaken = (name: string): DomainError =>
  new DomainError('name_taken', `Another deployment is named ${name} now; give another name`);

/** The project of the deployment was deleted since. */
export const projectGone = (name: string): DomainError =>
  new DomainError('conflict', `The project ${name} of the deployment is deleted, so nothing can be restored into it`);

export const imageUnavailable = (image: string): DomainError =>
  new DomainError(
    'image_unavailable',
    `No node that is online has the image ${image}, and its registry does not offer it any more or is not one that is used here`,
  );
