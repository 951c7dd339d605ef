import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { Commands } from '../commands/commands';
import type { RequestContext } from '../common/request-context';
import { AppConfig } from '../config/app-config';
import type { Tx } from '../database/transaction';
import { DeletedDeploymentsRepository } from './deleted-deployments.repository';
import { PolicyEffects, type PolicyEffect, type PolicyRequest } from './policy-effects';
import { RetentionPoliciesRepository, type StoredPolicy } from './retention-policies.repository';

/** The retention policies, and changes of them with their preview. */
@Injectable()
export class RetentionChanges {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly commands: Commands,
    private readonly effects: PolicyEffects,
    private readonly policies: RetentionPoliciesRepository,
    private readonly deployments: DeletedDeploymentsRepository,
    private readonly config: AppConfig,
  ) {}

  async list(): Promise<{ defaultDays: number; policies: StoredPolicy[] }> {
    return { defaultDays: this.config.RETENTION_DAYS, policies: await this.policies.list() };
  }

  /** What the change would do. Writes nothing. Throws the refusals of `PolicyEffects`. */
  preview(request: PolicyRequest): Promise<PolicyEffect> {
    return this.effects.of(this.dataSource.manager, request, { lock: false });
  }

  /** Changes the policy, and moves the purge times that are to follow it. Throws the refusals of `PolicyEffects`. */
  apply(request: PolicyRequest, context: RequestContext): Promise<PolicyEffect> {
    return this.commands.run(context, async (tx) => {
      await this.policies.lockAll(tx);
      const effect = await this.effects.of(tx, request, { lock: true });
      const { selector, value, days, previousDays, shifted } = effect;
      const id = await this.write(tx, request, context.actor.userId);
      await this.deployments.shift(tx, shifted);
      return {
        outcome: { ...effect, id },
        audit: {
          action: 'retention.change',
          resourceType: 'retention',
          resourceId: id,
          before: { selector, value, days: previousDays },
          after: { selector, value, days, purge_times_moved: shifted.length },
        },
      };
    });
  }

  /** The id of the policy that was written. */
  private async write(tx: Tx, request: PolicyRequest, userId: string): Promise<string> {
    if ('policy' in request) return (await this.policies.insert(tx, request.policy, userId)).id;
    if (request.days === null) await this.policies.remove(tx, request.id);
    else await this.policies.change(tx, request.id, request.days, userId);
    return request.id;
  }
}
