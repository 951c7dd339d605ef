import { Injectable } from '@nestjs/common';
import { UNCHANGED, type Decided } from '../commands/commands';
import type { RequestContext } from '../common/request-context';
import { together } from '../database/together';
import type { Tx } from '../database/transaction';
import { DeployService } from '../deployments/commands/deploy.service';
import { requireScalable, ScaleService } from '../deployments/commands/scale.service';
import { DeploymentsRepository, type LockedDeployment } from '../deployments/deployments.repository';
import { Quota } from '../deployments/quota';
import { auditSpec } from '../deployments/spec/spec-codec';
import { Events } from '../events/events';
import { changesOf, type Changes } from './changes-of';
import type { Changed, Wanted } from './change.types';
import { differenceWords } from './differences';
import { RevisionStart, type Started } from './revision-start';
import { revisionWords } from './revision-words';
import { RouteChanges } from './route-changes';
import { StoredStateRepository, type StoredState } from './stored-state.repository';

type Present = Pick<Changed, 'status' | 'revision' | 'rollout'>;

export interface ChangeOrder {
  readonly context: RequestContext;
  /** Which attempt of the transaction this is. */
  readonly attempt: number;
  /** As the audit log names it. */
  readonly action: string;
  /** A failed deployment is scheduled again when what it runs changes, or how many replicas of it and where. */
  readonly retries: boolean;
}

/** What is wanted of a deployment, and what shall be. */
export interface Wishes {
  readonly before: Wanted;
  readonly wanted: Wanted;
  readonly now: Pick<StoredState, 'revision' | 'newestRevision' | 'ownLimits'>;
}

/** Brings a locked deployment from what is wanted to what shall be wanted, in the caller's transaction. */
@Injectable()
export class ChangeApplier {
  constructor(
    private readonly deploys: DeployService,
    private readonly scales: ScaleService,
    private readonly deployments: DeploymentsRepository,
    private readonly states: StoredStateRepository,
    private readonly starts: RevisionStart,
    private readonly quota: Quota,
    private readonly routes: RouteChanges,
    private readonly events: Events,
  ) {}

  /**
   * Throws `validation_failed` beyond the limits, `quota_exceeded`, and what routes and a scale throw; then nothing has changed. May throw
   * what `isCapacityTaken` recognises.
   */
  async apply(tx: Tx, deployment: LockedDeployment, wishes: Wishes, order: ChangeOrder): Promise<Decided<Changed>> {
    const { id } = deployment;
    const { before, wanted } = wishes;
    const changes = changesOf(before, wanted);
    if (changes.differences.length === 0) {
      const present = { status: deployment.status, ...(await this.newest(tx, id, wishes)) };
      return { outcome: outcome(id, present, 'unchanged'), audit: UNCHANGED };
    }
    if (changes.container || changes.replicas) this.deploys.requireLimits(wanted.spec);
    const work = async (): Promise<Changed> => {
      const present = await this.carryOut(tx, deployment, { ...wishes, changes }, order);
      return outcome(id, present, changes.container ? 'rolling_out' : 'updated');
    };
    const done = await this.quota.growing(
      tx,
      { deployment, asker: order.context.actor, asked: changes.grows, own: wishes.now.ownLimits },
      work,
    );
    return {
      outcome: done,
      audit: {
        action: order.action,
        resourceType: 'deployment',
        resourceId: id,
        before: { protection_reason: before.protectionReason, ...auditSpec(before.spec) },
        after: {
          protection_reason: wanted.protectionReason,
          revision: done.revision,
          changed: changes.differences.map(({ field }) => field),
          ...auditSpec(wanted.spec),
        },
      },
      jobs: [{ kind: 'deployment.reconcile', key: id }],
    };
  }

  /** Writes what differs, and gives the status and the wanted revision as they are then. */
  private async carryOut(
    tx: Tx,
    deployment: LockedDeployment,
    { before, wanted, now, changes }: Wishes & { readonly changes: Changes },
    order: ChangeOrder,
  ): Promise<Present> {
    const { id } = deployment;
    if (changes.settings) await this.changeSettings(tx, id, before, wanted);
    await this.routes.apply(tx, deployment, { before, wanted }, order.context.actor);
    let status = deployment.status;
    if (isRetried(deployment, changes, order)) status = await this.retry(tx, deployment, order.context);
    const { region, placementStrategy } = wanted.spec;
    const present = { ...deployment, region, placementStrategy, status };
    if (changes.replicas) await this.scales.scaleIn(tx, requireScalable(present, id), wanted.spec.replicas, order);
    const started = changes.container
      ? await this.startRevision(tx, present, { wanted, now, changes }, order)
      : await this.newest(tx, id, { now });
    return { status, ...started };
  }

  private async startRevision(
    tx: Tx,
    deployment: LockedDeployment,
    { wanted: { spec }, now, changes }: Pick<Wishes, 'wanted' | 'now'> & { readonly changes: Changes },
    order: ChangeOrder,
  ): Promise<Started> {
    const what = differenceWords(changes.differences.filter(({ field }) => changes.ofRevision(field)));
    return this.starts.add(tx, deployment, { now, container: spec.container, what, policy: spec.rollout }, order.context);
  }

  private async changeSettings(tx: Tx, id: string, before: Wanted, { spec, protectionReason }: Wanted): Promise<void> {
    await together([this.deployments.changeSettings(tx, id, { ...spec, protectionReason }), this.deployments.weigh(tx, id)]);
    if (before.protectionReason === protectionReason) return;
    const type = protectionReason === null ? 'fog.deployment.unprotected' : 'fog.deployment.protected';
    await this.events.record(tx, [{ type, deploymentId: id, data: { reason: protectionReason } }]);
  }

  private async retry(tx: Tx, deployment: LockedDeployment, { actor, requestId }: RequestContext): Promise<'pending'> {
    const change = { reason: 'Retried by user', changedBy: actor.userId, requestId, newGeneration: true };
    await this.deployments.changeStatus(tx, deployment, { to: 'pending', ...change });
    return 'pending';
  }

  /** What is wanted where no new revision is. */
  private async newest(tx: Tx, id: string, { now }: Pick<Wishes, 'now'>): Promise<Started> {
    return { revision: now.revision, rollout: await this.states.rollout(tx, id) };
  }
}

/** Whether a change also schedules the deployment again. One that changes nothing never does, so that repeating it does no harm. */
export const isRetried = (
  { status }: Pick<LockedDeployment, 'status'>,
  { container, places }: Pick<Changes, 'container' | 'places'>,
  { retries }: Pick<ChangeOrder, 'retries'>,
): boolean => retries && status === 'failed' && (container || places);

const MESSAGES: Readonly<Record<Changed['result'], typeof revisionWords>> = {
  created: () => 'Deployment created',
  rolling_out: revisionWords,
  updated: () => 'Updated without a new revision',
  unchanged: () => 'Nothing to change',
};

const outcome = (id: string, present: Present, result: Changed['result']): Changed => ({
  id,
  result,
  ...present,
  message: MESSAGES[result](present.revision, present.status),
});
