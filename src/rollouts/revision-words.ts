import type { DeploymentStatus } from '../deployments/domain/deployment-status';

/** What becomes of a revision that is wanted from now on. Where nothing runs, a start or a retry brings it. */
export function revisionWords(revision: number, status: DeploymentStatus): string {
  if (status === 'stopped') return `Revision ${revision} runs as soon as the deployment is started`;
  if (status === 'failed') return `Revision ${revision} runs as soon as the deployment is retried`;
  return `Rolling out revision ${revision}`;
}
