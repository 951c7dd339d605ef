import { Injectable } from '@nestjs/common';
import type { AuditEntry } from '../audit/audit';
import { DomainError } from '../common/problem/domain-error';
import type { RequestContext } from '../common/request-context';
import { AppConfig } from '../config/app-config';
import { afterCommit, type Tx } from '../database/transaction';
import { Events } from '../events/events';
import type { JobWish } from '../jobs/job-kinds';
import { NodesRepository } from '../nodes/nodes.repository';
import { retentionFor } from '../retention/retention-policy';
import { DeletionsRepository, type DecidedDeletion, type DeletionCandidate, type ForceReleasedReplica } from './deletions.repository';
import { DeploymentMetrics } from '../deployments/deployment-metrics';
import { matchFault } from '../deployments/etag';
import { roleFault } from '../rights/rights';
import { ForceRelease } from './force-release';
import type { TeardownOptions } from './teardown-options';

/** The options of a deletion, or of all deletions of a bulk operation. */
export interface DeletionOptions extends TeardownOptions {
  /** The `If-Match` header as it was sent; null when there was none. */
  readonly ifMatch: string | null;
  /** The bulk operation that the deletion belongs to. */
  readonly operationId: string | null;
}

export type DeletionVerdict =
  | ({ readonly kind: 'deleted' } & DecidedDeletion)
  /** The code is `not_found`, `role_required`, `already_deleted`, `precondition_failed`, `legal_hold` or `deployment_protected`. */
  | { readonly id: string; readonly kind: 'refused'; readonly error: DomainError };

export interface DecidedDeletions {
  readonly verdicts: readonly DeletionVerdict[];
  readonly audit: readonly AuditEntry[];
  /** The wishes for the teardowns. */
  readonly jobs: readonly JobWish[];
}

const NOTHING_DECIDED = { decided: [], audit: [] } as const;

const FORCE_RELEASED = 'Given up by a forced deletion: its node did not answer';

/**
 * Decides deletions in the caller's transaction: of all deployments that are not refused. Locks are taken in id order, and the
 * number of statements does not grow with the number of deployments.
 */
@Injectable()
export class DeletionDecision {
  constructor(
    private readonly deletions: DeletionsRepository,
    private readonly nodes: NodesRepository,
    private readonly forceRelease: ForceRelease,
    private readonly events: Events,
    private readonly metrics: DeploymentMetrics,
    private readonly config: AppConfig,
  ) {}

  /**
   * Returns one verdict per id, in the order of `ids`, which are lower-case and distinct. The caller writes the audit entries
   * and the wishes in the same transaction. Does not wait for teardowns.
   */
  async decide(tx: Tx, ids: readonly string[], options: DeletionOptions, context: RequestContext): Promise<DecidedDeletions> {
    const candidates = new Map((await this.deletions.lock(tx, ids, context.actor)).map((each) => [each.id, each]));
    const verdicts = new Map(ids.map((id) => [id, judgeDeletion(candidates.get(id), options.ifMatch)]));
    const accepted = [...verdicts.values()].flatMap((verdict) => ('candidate' in verdict ? [verdict.candidate] : []));
    const { decided, audit } = accepted.length > 0 ? await this.write(tx, accepted, options, context) : NOTHING_DECIDED;
    const deletions = new Map(decided.map((deletion) => [deletion.id, deletion]));
    const judged = ids.map((id): DeletionVerdict => {
      const verdict = verdicts.get(id);
      if (verdict && 'error' in verdict) return { id, kind: 'refused', error: verdict.error };
      const deletion = deletions.get(id);
      if (!deletion) throw new Error(`Nothing was decided about ${id}`);
      return { kind: 'deleted', ...deletion };
    });
    const jobs = decided.map(({ id: key }) => ({ kind: 'deployment.reconcile' as const, key }));
    return { verdicts: judged, audit, jobs };
  }

  private async write(
    tx: Tx,
    candidates: readonly DeletionCandidate[],
    options: DeletionOptions,
    context: RequestContext,
  ): Promise<{ decided: readonly DecidedDeletion[]; audit: readonly AuditEntry[] }> {
    const { actor, requestId } = context;
    const ids = candidates.map(({ id }) => id);
    const orders = candidates.map((candidate) => {
      const { days, words } = retentionFor(candidate.retentionPolicies, candidate, this.config.RETENTION_DAYS);
      return { id: candidate.id, from: candidate.status, retentionHours: days * 24, retentionPolicy: words };
    });
    const decided = await this.deletions.decide(tx, orders, { ...options, requestedBy: actor.userId, requestId });
    const unstarted = decided.flatMap(({ unstartedIds }) => unstartedIds);
    if (unstarted.length > 0) await this.nodes.release(tx, unstarted);
    const isForceRelease = options.force && actor.isAdmin;
    const { replicas, released } = isForceRelease
      ? await this.forceRelease.release(tx, ids, { nodeId: null, words: FORCE_RELEASED })
      : NOTHING_RELEASED;
    await this.tell(tx, decided, options);
    const lost = new Set(replicas.map(({ id }) => id));
    return {
      audit: auditEntries(candidates, decided, options, replicas),
      decided: decided.map((deletion) => ({
        ...deletion,
        complete: deletion.complete || released.has(deletion.id),
        stoppingIds: deletion.stoppingIds.filter((id) => !lost.has(id)),
      })),
    };
  }

  /**
   * Records that teardowns are complete for which nothing was left to do; the event of the deletion itself follows from the
   * history.
   */
  private async tell(tx: Tx, decided: readonly DecidedDeletion[], { force }: DeletionOptions): Promise<void> {
    await this.events.record(
      tx,
      decided
        .filter(({ complete }) => complete)
        .map(({ id, generation }) => ({ type: 'fog.deployment.teardown_completed', deploymentId: id, data: { generation } })),
    );
    if (force) afterCommit(tx, () => this.metrics.countDeletion('forced', decided.length));
  }
}

const NOTHING_RELEASED = { replicas: [], released: new Set<string>() } as const;

function auditEntries(
  candidates: readonly DeletionCandidate[],
  decided: readonly DecidedDeletion[],
  options: DeletionOptions,
  forceReleased: readonly ForceReleasedReplica[],
): AuditEntry[] {
  const before = new Map(candidates.map(({ id, status, version }) => [id, { status, version }]));
  const about = (id: string): Pick<AuditEntry, 'resourceType' | 'resourceId'> => ({ resourceType: 'deployment', resourceId: id });
  return decided.flatMap((deletion) => {
    const lost = forceReleased.filter(({ deploymentId }) => deploymentId === deletion.id);
    const deleted: AuditEntry = {
      action: 'deployment.delete',
      ...about(deletion.id),
      before: before.get(deletion.id) ?? {},
      after: {
        status: 'deleted',
        purge_at: deletion.purgeAt.toISOString(),
        replicas_stopping: deletion.stoppingIds.length - lost.length,
        grace_seconds: options.graceSeconds,
        force: options.force,
        held_until: deletion.warmUntil?.toISOString() ?? null,
        operation_id: options.operationId,
      },
    };
    const after = { reason: FORCE_RELEASED, node_ids: [...new Set(lost.map(({ nodeId }) => nodeId))], replicas: lost.length };
    return lost.length === 0 ? [deleted] : [deleted, { action: 'deployment.force_release', ...about(deletion.id), after }];
  });
}

/** The deployment, or why it may not be deleted. `undefined` means missing or foreign. */
export function judgeDeletion(
  candidate: DeletionCandidate | undefined,
  ifMatch: string | null,
): { readonly candidate: DeletionCandidate } | { readonly error: DomainError } {
  const error = deletionRefusal(candidate, ifMatch) ?? (candidate ? holdOf(candidate) : null);
  if (error) return { error };
  if (!candidate) throw new Error('A deployment that is missing was not refused');
  return { candidate };
}

/**
 * Why no delete is possible: the deployment is missing or foreign (`undefined`), the role of who asks does not reach, it is deleted
 * already, or changed since it was read.
 */
export function deletionRefusal(candidate: DeletionCandidate | undefined, ifMatch: string | null): DomainError | null {
  if (!candidate) return new DomainError('not_found', 'Deployment not found or access denied');
  const fault = roleFault(candidate.role, 'deployment.change');
  if (fault) return fault;
  return candidate.status === 'deleted' ? alreadyDeleted(candidate) : matchFault(ifMatch, candidate.version);
}

/** What protects a live deployment from being deleted, if anything does. */
export function holdOf({
  protectionReason,
  legalHoldReason,
}: Pick<DeletionCandidate, 'protectionReason' | 'legalHoldReason'>): DomainError | null {
  if (legalHoldReason !== null) return new DomainError('legal_hold', 'The deployment is under legal hold');
  if (protectionReason === null) return null;
  return new DomainError('deployment_protected', `The deployment is protected: ${protectionReason}`, {
    members: { protection_reason: protectionReason },
  });
}

const alreadyDeleted = ({ id, deletedAt }: DeletionCandidate): DomainError =>
  new DomainError('already_deleted', 'Deployment already deleted', {
    members: { deployment_id: id, deleted_at: deletedAt?.toISOString() },
  });
