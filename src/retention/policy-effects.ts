import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { DomainError } from '../common/problem/domain-error';
import { isUuid } from '../common/uuid';
import { AppConfig } from '../config/app-config';
import { DeletedDeploymentsRepository } from './deleted-deployments.repository';
import { RetentionPoliciesRepository } from './retention-policies.repository';
import type { RetentionPolicy } from './retention-policy';
import { policyNotFound } from './retention-value';
import { shiftPurgeTimes, type PolicyChange, type ShiftedPurge } from './shift-purge-times';

/** The most deleted deployments that one transaction locks and changes. */
const MAX_APPLIED = 50_000;
const MAX_POLICIES = 1_000;

/** The new policy that an administrator asks for, or other days for an existing one. `days` null: remove it. */
export type PolicyRequest = {
  /** Whether the purge times of deleted deployments move as well. Otherwise only later deletions follow the change. */
  readonly applyToDeleted: boolean;
} & ({ readonly policy: RetentionPolicy } | { readonly id: string; readonly days: number | null });

/** What a change did, or would do. */
export interface PolicyEffect extends PolicyChange {
  /** Null: the policy is not stored yet. */
  readonly id: string | null;
  readonly previousDays: number | null;
  readonly live: number;
  readonly deleted: number;
  /** Empty unless the change is applied to deleted deployments. */
  readonly shifted: readonly ShiftedPurge[];
}

/** Says whether a policy may be changed as requested, and what that means for the deployments that it concerns. Writes nothing. */
@Injectable()
export class PolicyEffects {
  constructor(
    private readonly policies: RetentionPoliciesRepository,
    private readonly deployments: DeletedDeploymentsRepository,
    private readonly config: AppConfig,
  ) {}

  /**
   * Call this before the change is written, so that the policies of each deployment are those from before. `lock`: the
   * deleted deployments stay as they are until the transaction ends. Throws `not_found`; for a new policy
   * `already_exists` when there is one with this selector and value, `conflict` when there are too many, and
   * `validation_failed` for an unknown user.
   */
  async of(manager: EntityManager, request: PolicyRequest, { lock }: { lock: boolean }): Promise<PolicyEffect> {
    const { id, previousDays, ...change } = await this.resolve(manager, request);
    const { now, live, deleted } = await this.deployments.count(manager, change);
    const rows = request.applyToDeleted ? await this.deployments.find(manager, change, { limit: MAX_APPLIED + 1, lock }) : [];
    if (rows.length > MAX_APPLIED) {
      const words = `The policy chooses more than ${MAX_APPLIED} deleted deployments; change it without apply_to_deleted`;
      throw new DomainError('conflict', words);
    }
    const shifted = shiftPurgeTimes(rows, change, { defaultDays: this.config.RETENTION_DAYS, now });
    return { id, previousDays, ...change, live, deleted, shifted };
  }

  /** The request with what is stored about its policy. */
  private async resolve(manager: EntityManager, request: PolicyRequest): Promise<PolicyChange & Pick<PolicyEffect, 'id' | 'previousDays'>> {
    if ('policy' in request) {
      await this.requireUser(manager, request.policy);
      await this.requireRoom(manager, request.policy);
      return { id: null, previousDays: null, ...request.policy };
    }
    const policy = await this.policies.find(manager, request.id);
    if (!policy) throw policyNotFound(request.id);
    const { id, selector, value, days: previousDays } = policy;
    return { id, previousDays, selector, value, days: request.days };
  }

  /** Refuses an id that is not a user's, such as a node's: the policy would silently concern no deployment. */
  private async requireUser(manager: EntityManager, { selector, value }: RetentionPolicy): Promise<void> {
    if (selector !== 'user' || (isUuid(value) && (await this.policies.userExists(manager, value)))) return;
    const detail = 'value must be the id of a user';
    throw new DomainError('validation_failed', `${detail}.`, { errors: [{ pointer: '/value', detail }] });
  }

  private async requireRoom(manager: EntityManager, policy: RetentionPolicy): Promise<void> {
    const { policies, taken } = await this.policies.room(manager, policy);
    if (taken) {
      const words = `There is a retention policy for ${policy.selector} ${policy.value} already; change that one`;
      throw new DomainError('already_exists', words);
    }
    if (policies >= MAX_POLICIES) {
      throw new DomainError('conflict', `There are ${MAX_POLICIES} retention policies, which is the limit; remove one first`);
    }
  }
}
