import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource, type EntityManager } from 'typeorm';
import { Audit } from '../audit/audit';
import { DomainError } from '../common/problem/domain-error';
import type { RequestContext } from '../common/request-context';
import { isUuid } from '../common/uuid';
import { AppConfig } from '../config/app-config';
import { inTransaction, type Tx } from '../database/transaction';
import { IdempotencyService } from '../idempotency/idempotency.service';
import { RetentionPoliciesRepository, type StoredPolicy } from './retention-policies.repository';
import type { RetentionPolicy } from './retention-policy';
import { DeletedDeploymentsRepository } from './deleted-deployments.repository';
import { shiftPurgeTimes, type PolicyChange, type ShiftedPurge } from './shift-purge-times';

/** More deleted deployments than these are not locked and judged in one transaction. */
const MAX_APPLIED = 50_000;
const MAX_POLICIES = 1_000;

export interface ChangeOptions {
  readonly dryRun: boolean;
  /** Moves the frozen purge times of what is deleted already; otherwise only later deletions follow the change. */
  readonly applyToDeleted: boolean;
}

/** What a change did, or in a dry run would do. */
export interface PolicyEffect extends PolicyChange {
  /** Null: not stored. */
  readonly policyId: string | null;
  readonly previousDays: number | null;
  readonly live: number;
  readonly deleted: number;
  /** Empty unless the change is applied to deleted deployments. */
  readonly shifted: readonly ShiftedPurge[];
}

type AnswerOf = (effect: PolicyEffect) => { readonly status: number; readonly body: unknown; readonly location?: string };

/** Changes of retention policies, with their preview. One transaction each; audited. */
@Injectable()
export class RetentionChanges {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly policies: RetentionPoliciesRepository,
    private readonly deployments: DeletedDeploymentsRepository,
    private readonly audit: Audit,
    private readonly idempotency: IdempotencyService,
    private readonly config: AppConfig,
  ) {}

  async list(): Promise<{ defaultDays: number; policies: StoredPolicy[] }> {
    return { defaultDays: this.config.RETENTION_DAYS, policies: await this.policies.list() };
  }

  /**
   * Throws `already_exists` for a second policy with the same selector and value, `conflict` when there are too many,
   * `validation_failed` for an unknown user.
   */
  async create(policy: RetentionPolicy, options: ChangeOptions, context: RequestContext, answerOf: AnswerOf): Promise<PolicyEffect> {
    await this.requireUser(policy);
    const before = { previousDays: null, policyId: null, ...options };
    if (options.dryRun) {
      await this.requireRoom(this.dataSource.manager, policy);
      return this.effect(this.dataSource.manager, policy, before);
    }
    return inTransaction(this.dataSource, async (tx) => {
      await this.policies.lockAll(tx);
      await this.requireRoom(tx, policy);
      const effect = await this.effect(tx, policy, before);
      const { id } = await this.policies.insert(tx, policy, context.actor.userId);
      return this.conclude(tx, { ...effect, policyId: id }, id, context, answerOf);
    });
  }

  /** Throws `not_found`. */
  change(id: string, days: number, options: ChangeOptions, context: RequestContext): Promise<PolicyEffect> {
    return this.alter(id, days, options, context, null);
  }

  /** Throws `not_found`. */
  remove(id: string, options: ChangeOptions, context: RequestContext, answerOf: AnswerOf): Promise<PolicyEffect> {
    return this.alter(id, null, options, context, answerOf);
  }

  private async alter(
    givenId: string,
    days: number | null,
    options: ChangeOptions,
    context: RequestContext,
    answerOf: AnswerOf | null,
  ): Promise<PolicyEffect> {
    if (!isUuid(givenId)) throw notFound(givenId);
    const id = givenId.toLowerCase();
    const kept = days === null ? null : id;
    if (options.dryRun) {
      const policy = await this.policies.find(this.dataSource.manager, id);
      if (!policy) throw notFound(id);
      return this.effect(this.dataSource.manager, { ...policy, days }, { previousDays: policy.days, policyId: kept, ...options });
    }
    return inTransaction(this.dataSource, async (tx) => {
      await this.policies.lockAll(tx);
      const policy = await this.policies.find(tx, id);
      if (!policy) throw notFound(id);
      const effect = await this.effect(tx, { ...policy, days }, { previousDays: policy.days, policyId: kept, ...options });
      if (days === null) await this.policies.remove(tx, id);
      else await this.policies.change(tx, id, days, context.actor.userId);
      return this.conclude(tx, effect, id, context, answerOf);
    });
  }

  /** What the change means, read before it is written: the policies of each deployment are those from before. */
  private async effect(
    manager: EntityManager,
    { selector, value, days }: PolicyChange,
    { previousDays, policyId, applyToDeleted, dryRun }: ChangeOptions & Pick<PolicyEffect, 'previousDays' | 'policyId'>,
  ): Promise<PolicyEffect> {
    const change = { selector, value, days };
    const { now, live, deleted } = await this.deployments.count(manager, change);
    const rows = applyToDeleted ? await this.deployments.find(manager, change, { limit: MAX_APPLIED + 1, lock: !dryRun }) : [];
    if (rows.length > MAX_APPLIED) {
      throw new DomainError(
        'conflict',
        `The policy chooses more than ${MAX_APPLIED} deleted deployments; change it without apply_to_deleted`,
      );
    }
    const shifted = shiftPurgeTimes(rows, change, { defaultDays: this.config.RETENTION_DAYS, now });
    return { ...change, policyId, previousDays, live, deleted, shifted };
  }

  private async conclude(
    tx: Tx,
    effect: PolicyEffect,
    id: string,
    context: RequestContext,
    answerOf: AnswerOf | null,
  ): Promise<PolicyEffect> {
    const { selector, value, days, previousDays, shifted } = effect;
    await this.deployments.shift(tx, shifted);
    await this.audit.record(tx, context, {
      action: 'retention.change',
      resourceType: 'retention',
      resourceId: id,
      before: { selector, value, days: previousDays },
      after: { selector, value, days, purge_times_moved: shifted.length },
    });
    if (answerOf) await this.idempotency.storeAnswer(tx, context, answerOf(effect));
    return effect;
  }

  private async requireRoom(manager: EntityManager, policy: RetentionPolicy): Promise<void> {
    const { policies, taken } = await this.policies.room(manager, policy);
    if (taken) {
      throw new DomainError(
        'already_exists',
        `There is a retention policy for ${policy.selector} ${policy.value} already; change that one`,
      );
    }
    if (policies >= MAX_POLICIES) {
      throw new DomainError('conflict', `There are ${MAX_POLICIES} retention policies, which is the limit; remove one first`);
    }
  }

  /** An id of another kind, such as a node's, would be a policy that silently concerns nobody. */
  private async requireUser({ selector, value }: RetentionPolicy): Promise<void> {
    if (selector !== 'user' || (isUuid(value) && (await this.policies.userExists(value)))) return;
    const detail = 'value must be the id of a user';
    throw new DomainError('validation_failed', `${detail}.`, { errors: [{ pointer: '/value', detail }] });
  }
}

const notFound = (id: string): DomainError => new DomainError('not_found', `Retention policy ${id} not found`);
