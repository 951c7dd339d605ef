import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { Audit } from '../../audit/audit';
import { DomainError } from '../../common/problem/domain-error';
import type { RequestContext } from '../../common/request-context';
import { AppConfig } from '../../config/app-config';
import { violatedConstraint } from '../../database/postgres-error';
import { inTransaction } from '../../database/transaction';
import { IdempotencyService } from '../../idempotency/idempotency.service';
import { JobQueue } from '../../jobs/job-queue';
import type { Placement } from '../../scheduling/place.types';
import { DeploymentsRepository } from '../deployments.repository';
import { specDetails } from '../domain/spec-details';
import type { DeploymentSpec } from '../domain/deployment-spec';
import { limitFaults } from '../domain/limits';
import { DeploymentAcceptedDto } from '../dto/deployment-accepted.dto';
import { PlacementService } from '../placement/placement.service';
import { Quota } from '../quota';

/** Accepts a deployment: from the commit on it survives every crash, and the reconciler brings it to life. */
@Injectable()
export class DeployService {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly config: AppConfig,
    private readonly deployments: DeploymentsRepository,
    private readonly placements: PlacementService,
    private readonly jobs: JobQueue,
    private readonly idempotency: IdempotencyService,
    private readonly audit: Audit,
    private readonly quota: Quota,
  ) {}

  /** Throws `validation_failed` beyond the configured limits, `quota_exceeded`, and `already_exists` for a live deployment of that name. */
  async deploy(spec: DeploymentSpec, context: RequestContext, protectionReason: string | null): Promise<DeploymentAcceptedDto> {
    this.checkLimits(spec);
    try {
      return await inTransaction(this.dataSource, async (tx) => {
        await this.quota.require(tx, { userId: context.actor.userId, deployments: 1, replicas: spec.replicas });
        const id = await this.deployments.insert(tx, spec, context.actor, { requestId: context.requestId, protectionReason });
        await this.jobs.enqueue(tx, [{ kind: 'deployment.reconcile', key: id }]);
        const entry = {
          action: 'deployment.deploy',
          resourceType: 'deployment',
          resourceId: id,
          after: { ...specDetails(spec), protection_reason: protectionReason },
        };
        await this.audit.record(tx, context, entry);
        const body = DeploymentAcceptedDto.queued(id, spec.replicas);
        await this.idempotency.storeAnswer(tx, context, { status: 202, body, location: `/api/deployment/status/${id}` });
        return body;
      });
    } catch (error) {
      if (violatedConstraint(error) !== 'uq_deployments_live_name') throw error;
      throw new DomainError('already_exists', `A deployment named ${spec.name} exists already`);
    }
  }

  /** The placement that `spec` would get now, or why not. Writes nothing. */
  async preview(spec: DeploymentSpec): Promise<Placement> {
    this.checkLimits(spec);
    return inTransaction(this.dataSource, (tx) => this.placements.preview(tx, spec, spec.replicas));
  }

  private checkLimits(spec: DeploymentSpec): void {
    const errors = limitFaults(this.config, spec);
    if (errors.length > 0) throw new DomainError('validation_failed', 'The deployment exceeds the configured limits', { errors });
  }
}
