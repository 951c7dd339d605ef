import { Injectable } from '@nestjs/common';
import { DomainError } from '../common/problem/domain-error';
import type { RequestContext } from '../common/request-context';
import { isUuid } from '../common/uuid';
import type { Tx } from '../database/transaction';
import { DeploymentsRepository, type LockedDeployment } from '../deployments/deployments.repository';
import { matchFault } from '../deployments/etag';
import type { Obstacle } from './orphan-rules';
import type { OrphanView } from './orphan.types';
import { OrphansRepository } from './orphans.repository';

export interface LockedOrphan {
  readonly orphan: OrphanView;
  /** Its deployment, locked before it; null where it is not known. */
  readonly deployment: LockedDeployment | null;
}

/** What reap and adopt have in common: the locks in their order, and that nobody decides about what they have not seen. */
@Injectable()
export class OrphanDecision {
  constructor(
    private readonly orphans: OrphansRepository,
    private readonly deployments: DeploymentsRepository,
  ) {}

  /** Throws `not_found` when it is gone by itself. */
  async lock(tx: Tx, id: string, { actor }: Pick<RequestContext, 'actor'>): Promise<LockedOrphan> {
    const deploymentId = await this.orphans.deploymentOf(tx, id);
    const deployment = deploymentId == null ? null : await this.deployments.lock(tx, deploymentId, actor);
    const orphan = deploymentId === undefined ? null : await this.orphans.lock(tx, id);
    if (!orphan) throw orphanNotFound();
    return { orphan, deployment };
  }
}

export const orphanNotFound = (): DomainError =>
  new DomainError('not_found', 'There is no such orphan; what vanishes by itself leaves the list');

/** Refuses an id in a path that is no UUID as one that nothing has. */
export function requireOrphanId(id: string): string {
  if (!isUuid(id)) throw orphanNotFound();
  return id.toLowerCase();
}

/** Throws the obstacle, if there is one; then `precondition_required` or `precondition_failed` unless the caller has seen this version. */
export function requireDecidable({ version }: OrphanView, obstacle: Obstacle | null, { ifMatch }: Pick<RequestContext, 'ifMatch'>): void {
  if (obstacle) throw new DomainError(obstacle.code, obstacle.detail);
  if (ifMatch === null || ifMatch.trim() === '*') {
    throw new DomainError(
      'precondition_required',
      'Send the ETag of the preview in If-Match, so that nothing is done to what has changed since',
    );
  }
  const fault = matchFault(ifMatch, version, 'The orphan');
  if (fault) throw fault;
}
