import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { Commands } from '../../commands/commands';
import { DomainError } from '../../common/problem/domain-error';
import type { RequestContext } from '../../common/request-context';
import { AppConfig } from '../../config/app-config';
import { violatedConstraint } from '../../database/postgres-error';
import { inTransaction } from '../../database/transaction';
import type { Placement } from '../../scheduling/place.types';
import { DeploymentsRepository } from '../deployments.repository';
import { limitFaults } from '../domain/limits';
import { PlacementService } from '../placement/placement.service';
import { auditSpec } from '../spec/spec-codec';
import type { DeploymentSpec } from '../spec/deployment-spec';
import { Quota } from '../quota';

export interface Deployed {
  readonly id: string;
  readonly replicas: number;
}

/** Accepts a deployment. Once committed it survives every crash, and the reconciler starts its replicas. */
@Injectable()
export class DeployService {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly config: AppConfig,
    private readonly commands: Commands,
    private readonly deployments: DeploymentsRepository,
    private readonly placements: PlacementService,
    private readonly quota: Quota,
  ) {}

  /**
   * Throws `validation_failed` beyond the configured limits, `quota_exceeded`, and `already_exists` for a live deployment with
   * that name.
   */
  async deploy(spec: DeploymentSpec, context: RequestContext, protectionReason: string | null): Promise<Deployed> {
    this.checkLimits(spec);
    const { actor, requestId } = context;
    try {
      return await this.commands.run(context, async (tx) => {
        await this.quota.require(tx, { userId: actor.userId, deployments: 1, replicas: spec.replicas });
        const id = await this.deployments.insert(tx, spec, actor, { requestId, protectionReason });
        const after = { ...auditSpec(spec), protection_reason: protectionReason };
        return {
          outcome: { id, replicas: spec.replicas },
          audit: { action: 'deployment.deploy', resourceType: 'deployment', resourceId: id, after },
          jobs: [{ kind: 'deployment.reconcile', key: id }],
        };
      });
    } catch (error) {
      if (violatedConstraint(error) !== 'uq_deployments_live_name') throw error;
      throw new DomainError('already_exists', `A deployment named ${spec.name} exists already`);
    }
  }

  /** The placement that `spec` would get now, or why it would get none. Writes nothing. */
  async preview(spec: DeploymentSpec): Promise<Placement> {
    this.checkLimits(spec);
    return inTransaction(this.dataSource, (tx) =>
      this.placements.preview(tx, { ...spec, resources: spec.container.resources }, spec.replicas),
    );
  }

  private checkLimits(spec: DeploymentSpec): void {
    const errors = limitFaults(this.config, { replicas: spec.replicas, resources: spec.container.resources });
    if (errors.length > 0) throw new DomainError('validation_failed', 'The deployment exceeds the configured limits', { errors });
  }
}
