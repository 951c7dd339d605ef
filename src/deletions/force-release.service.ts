import { Injectable } from '@nestjs/common';
import { Commands } from '../commands/commands';
import { DomainError } from '../common/problem/domain-error';
import type { RequestContext } from '../common/request-context';
import { requireMatch } from '../deployments/etag';
import { deploymentNotFound } from '../deployments/refusals';
import { DeletionsRepository, type ForceReleasedReplica } from './deletions.repository';
import { ForceRelease } from './force-release';

export interface ForceReleased {
  readonly id: string;
  readonly replicas: readonly ForceReleasedReplica[];
  /** True when the deployment holds nothing any more. */
  readonly isReleased: boolean;
}

/**
 * Force-releases the replicas of a deployment on nodes that do not answer, for administrators who know that these will not
 * return.
 */
@Injectable()
export class ForceReleaseService {
  constructor(
    private readonly commands: Commands,
    private readonly deletions: DeletionsRepository,
    private readonly forceRelease: ForceRelease,
  ) {}

  /** Throws `not_found`, `precondition_failed`, and `conflict` when no node without an answer has a replica to stop or to remove. */
  release(id: string, order: { reason: string; nodeId: string | null }, context: RequestContext): Promise<ForceReleased> {
    return this.commands.run(context, async (tx) => {
      const [deployment] = await this.deletions.lock(tx, [id], context.actor);
      if (!deployment) throw deploymentNotFound(id);
      requireMatch(context, deployment.version);
      const words = `Given up by an administrator: ${order.reason}`;
      const { replicas, released } = await this.forceRelease.release(tx, [id], { nodeId: order.nodeId, words });
      if (replicas.length === 0) throw new DomainError('conflict', NOTHING_TO_RELEASE);
      return {
        outcome: { id, replicas, isReleased: released.has(id) },
        audit: {
          action: 'deployment.force_release',
          resourceType: 'deployment',
          resourceId: id,
          before: { status: deployment.status },
          after: { reason: order.reason, node_ids: [...new Set(replicas.map(({ nodeId }) => nodeId))], replicas: replicas.length },
        },
      };
    });
  }
}

const NOTHING_TO_RELEASE = 'No node that does not answer has a replica of this deployment to stop or to remove';
