import { Injectable } from '@nestjs/common';
import type { Actor } from '../common/request-context';
import type { Tx } from '../database/transaction';
import { requireScalable, ScaleService } from '../deployments/commands/scale.service';
import { DeployService } from '../deployments/commands/deploy.service';
import type { LockedDeployment } from '../deployments/deployments.repository';
import { PlacementService } from '../deployments/placement/placement.service';
import { Quota } from '../deployments/quota';
import { QuotaRoom } from '../deployments/quota-room';
import { copiedBytes } from '../deployments/spec/secret-env';
import { VolumeClaims } from '../deployments/volumes/volume-claims.service';
import { wantsReplicas } from '../deployments/domain/deployment-status';
import type { Resources } from '../engines/resources';
import type { Placement } from '../scheduling/place.types';
import { isRetried } from './change-applier';
import { changeDemand } from './change-demand';
import type { ChangeResult, Wanted } from './change.types';
import { changesOf, type Changes } from './changes-of';
import type { Difference } from './differences';
import { RouteChanges } from './route-changes';
import type { StoredState } from './stored-state.repository';

export interface ChangePreview {
  readonly result: ChangeResult;
  readonly changes: readonly Difference[];
  /** Where the next replicas would go, or why nowhere; null when no replica would be placed. */
  readonly placement: Placement | null;
  /** The quota that leaves no room for any replica of the surge, in words; null: there is room, or none is needed. */
  readonly waits: string | null;
}

interface Wishes {
  readonly before: Wanted;
  readonly wanted: Wanted;
  readonly now: Pick<StoredState, 'newestRevision'>;
}

interface Asking {
  readonly actor: Actor;
  /** As in `ChangeOrder`. */
  readonly retries: boolean;
}

/** What a change would do. Writes nothing. */
@Injectable()
export class ChangePreviews {
  constructor(
    private readonly deploys: DeployService,
    private readonly scales: ScaleService,
    private readonly placements: PlacementService,
    private readonly routes: RouteChanges,
    private readonly volumes: VolumeClaims,
    private readonly quota: Quota,
    private readonly quotas: QuotaRoom,
  ) {}

  /** Throws what the change would throw, but for replicas without a place, which it tells. */
  async preview(tx: Tx, deployment: LockedDeployment, { before, wanted, now }: Wishes, { actor, retries }: Asking): Promise<ChangePreview> {
    const { spec } = wanted;
    const changes = changesOf(before, wanted);
    const isRetry = isRetried(deployment, changes, { retries });
    if (changes.container || changes.replicas) this.deploys.requireLimits(spec);
    if (changes.replicas && !isRetry) requireScalable(deployment, deployment.id);
    if (spec.replicas > deployment.targetReplicas) await this.scales.requireOneWriter(tx, deployment.id, spec.replicas);
    await this.routes.require(tx, deployment, { before, wanted }, actor);
    if (changes.differences.length > 0) await this.requireQuota(tx, deployment, { before, wanted, now, changes }, actor);
    const volumes = await this.volumes.look(tx, spec.container, deployment);
    const count = placedNext(deployment, wanted, { isRollout: changes.container, isRetry });
    const { resources } = spec.container;
    const needs = { ...spec, resources };
    const surges = changes.container && deployment.status === 'running' && spec.rollout.maxUnavailable === 0;
    return {
      result: changes.container ? 'rolling_out' : changes.differences.length > 0 ? 'updated' : 'unchanged',
      changes: changes.differences,
      placement: count > 0 && changes.differences.length > 0 ? await this.placements.preview(tx, needs, count, volumes) : null,
      waits: surges ? await this.waitOf(tx, deployment, { count, resources }) : null,
    };
  }

  /** Where old replicas may go first, and where some of the new ones fit, the rollout gets on. */
  private async waitOf(
    tx: Tx,
    deployment: LockedDeployment,
    wanted: { readonly count: number; readonly resources: Resources },
  ): Promise<string | null> {
    const limited = await this.quotas.hold(tx, deployment, { lock: false });
    const { count, words } = await this.quotas.fitting(tx, deployment, wanted, limited);
    return count === 0 ? words : null;
  }

  /** Throws `validation_failed` for a secret that the project does not have, and `quota_exceeded`. */
  private async requireQuota(
    tx: Tx,
    deployment: LockedDeployment,
    { before, wanted: { spec }, now, changes }: Wishes & { readonly changes: Changes },
    actor: Actor,
  ): Promise<void> {
    const { id, userId, projectId } = deployment;
    const values = changes.container ? await this.deploys.requireSecrets(tx, projectId, spec, { keep: false }) : null;
    const revision = values && { newest: now.newestRevision, copies: copiedBytes(spec.container, values) };
    const held = await this.quota.amountsOf(tx, id);
    const demand = changeDemand({ deployment, held, before: before.spec, wanted: spec, ...(revision ? { revision } : {}) });
    const amounts = changes.container ? await this.volumes.demand(tx, spec.container, projectId, demand) : demand;
    await this.quota.check(tx, { userId, projectId, asker: actor, amounts });
  }

  /** The same for a deployment that would be created. */
  async ofNew(
    tx: Tx,
    { spec }: Wanted,
    { projectId, actor }: { readonly projectId: string; readonly actor: Actor },
  ): Promise<ChangePreview> {
    this.deploys.requireLimits(spec);
    const placement = await this.deploys.previewIn(tx, spec, projectId, actor);
    return { result: 'created', changes: [], placement, waits: null };
  }
}

/**
 * How many replicas would need a place at once. A rollout begins with what its policy lets it add; those that follow get the places
 * of those that leave.
 */
function placedNext(
  { status, targetReplicas }: LockedDeployment,
  { spec }: Wanted,
  { isRollout, isRetry }: { readonly isRollout: boolean; readonly isRetry: boolean },
): number {
  if (status === 'pending' || isRetry) return spec.replicas;
  if (!wantsReplicas(status)) return 0;
  const added = Math.max(0, spec.replicas - targetReplicas);
  return isRollout ? Math.min(spec.replicas, Math.max(spec.rollout.maxSurge, spec.rollout.maxUnavailable)) + added : added;
}
