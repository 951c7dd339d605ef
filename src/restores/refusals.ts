import { DomainError } from '../common/problem/domain-error';
import type { DeploymentStatus } from '../deployments/domain/deployment-status';

export const notDeleted = (status: DeploymentStatus): DomainError =>
  new DomainError('not_deleted', `The deployment is ${status}, not deleted`);

export const nameTaken = (name: string): DomainError =>
  new DomainError('name_taken', `Another deployment is named ${name} now; give another name`);

export const imageUnavailable = (image: string): DomainError =>
  new DomainError('image_unavailable', `No node has the image ${image}, and no registry offers it any more`);
