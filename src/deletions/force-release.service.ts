import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { Audit } from '../audit/audit';
import { DomainError } from '../common/problem/domain-error';
import type { RequestContext } from '../common/request-context';
import { inTransaction } from '../database/transaction';
import { IdempotencyService } from '../idempotency/idempotency.service';
import { DeletionsRepository } from './deletions.repository';
import type { ForceReleaseDto } from './dto/protection.dto';
import { deploymentNotFound } from '../deployments/refusals';
import { ForceRelease } from './force-release';

/** Gives up what nodes that do not answer hold of a deployment, for administrators who know that they will not come back. */
@Injectable()
export class ForceReleaseService {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly deletions: DeletionsRepository,
    private readonly forceRelease: ForceRelease,
    private readonly audit: Audit,
    private readonly idempotency: IdempotencyService,
  ) {}

  /** Throws `not_found`, and `conflict` when no node without an answer has a replica to stop or to remove. */
  release(id: string, order: { reason: string; nodeId: string | null }, context: RequestContext): Promise<ForceReleaseDto> {
    return inTransaction(this.dataSource, async (tx) => {
      const [deployment] = await this.deletions.lock(tx, [id], context.actor);
      if (!deployment) throw deploymentNotFound(id);
      const words = `Given up by an administrator: ${order.reason}`;
      const { replicas, released } = await this.forceRelease.release(tx, [id], { nodeId: order.nodeId, words });
      if (replicas.length === 0) throw new DomainError('conflict', NOTHING_TO_RELEASE);
      await this.audit.record(tx, context, {
        action: 'deployment.force_release',
        resourceType: 'deployment',
        resourceId: id,
        before: { status: deployment.status },
        after: { reason: order.reason, node_ids: [...new Set(replicas.map(({ nodeId }) => nodeId))], replicas: replicas.length },
      });
      const answer: ForceReleaseDto = {
        success: true,
        deployment_id: id,
        replicas: replicas.map((replica) => ({ id: replica.id, node_id: replica.nodeId, node_name: replica.nodeName })),
        resources_released: released.has(id),
        message: `Gave up ${replicas.length} replicas on nodes that do not answer`,
      };
      await this.idempotency.storeAnswer(tx, context, { status: 200, body: answer });
      return answer;
    });
  }
}

const NOTHING_TO_RELEASE = 'No node that does not answer has a replica of this deployment to stop or to remove';
