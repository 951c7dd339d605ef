import { Injectable } from '@nestjs/common';
import type { Actor } from '../common/request-context';
import type { Tx } from '../database/transaction';
import { DeployService } from '../deployments/commands/deploy.service';
import { ScaleService } from '../deployments/commands/scale.service';
import type { LockedDeployment } from '../deployments/deployments.repository';
import { PlacementService } from '../deployments/placement/placement.service';
import { VolumeClaims } from '../deployments/volumes/volume-claims.service';
import type { Placement } from '../scheduling/place.types';
import { RoutesService } from '../routing/routes.service';
import type { ChangeResult, Wanted } from './change.types';
import { changesOf } from './changes-of';
import type { Difference } from './differences';
import { RouteChanges } from './route-changes';

export interface ChangePreview {
  readonly result: ChangeResult;
  readonly changes: readonly Difference[];
  /** Where the next replicas would go, or why nowhere; null when no replica would be placed. */
  readonly placement: Placement | null;
}

interface Wishes {
  readonly before: Wanted;
  readonly wanted: Wanted;
}

/** What a change would do. Writes nothing. */
@Injectable()
export class ChangePreviews {
  constructor(
    private readonly deploys: DeployService,
    private readonly scales: ScaleService,
    private readonly placements: PlacementService,
    private readonly routes: RouteChanges,
    private readonly newRoutes: RoutesService,
    private readonly volumes: VolumeClaims,
  ) {}

  /** Throws `validation_failed` beyond the limits, and what routes and volumes throw. */
  async preview(tx: Tx, deployment: LockedDeployment, { before, wanted }: Wishes, actor: Actor): Promise<ChangePreview> {
    const { spec } = wanted;
    const changes = changesOf(before, wanted);
    if (changes.container || changes.replicas) this.deploys.requireLimits(spec);
    if (spec.replicas > deployment.targetReplicas) await this.scales.requireOneWriter(tx, deployment.id, spec.replicas);
    await this.routes.require(tx, deployment, { before, wanted }, actor);
    if (changes.container) await this.deploys.requireSecrets(tx, deployment.projectId, spec, { keep: false });
    const volumes = await this.volumes.look(tx, spec.container, deployment);
    const count = placedNext(deployment, wanted, changes.container);
    const needs = { ...spec, resources: spec.container.resources };
    return {
      result: changes.container ? 'rolling_out' : changes.differences.length > 0 ? 'updated' : 'unchanged',
      changes: changes.differences,
      placement: count > 0 && changes.differences.length > 0 ? await this.placements.preview(tx, needs, count, volumes) : null,
    };
  }

  /** The same for a deployment that would be created. */
  async ofNew(
    tx: Tx,
    { spec }: Wanted,
    { projectId, actor }: { readonly projectId: string; readonly actor: Actor },
  ): Promise<ChangePreview> {
    this.deploys.requireLimits(spec);
    const routed = { id: null, projectId, name: spec.name, ports: spec.container.ports };
    await this.newRoutes.requireRoutes(tx, routed, spec.routes, actor);
    await this.deploys.requireSecrets(tx, projectId, spec, { keep: false });
    const volumes = await this.volumes.look(tx, spec.container, { id: null, name: spec.name, projectId });
    const placement = await this.placements.preview(tx, { ...spec, resources: spec.container.resources }, spec.replicas, volumes);
    return { result: 'created', changes: [], placement };
  }
}

/**
 * How many replicas would need a place at once. A rollout begins with what its policy lets it add; those that follow get the places
 * of those that leave.
 */
function placedNext({ status, targetReplicas }: LockedDeployment, { spec }: Wanted, isRollout: boolean): number {
  if (status === 'stopped' || status === 'failed') return 0;
  if (status !== 'running') return spec.replicas;
  const added = Math.max(0, spec.replicas - targetReplicas);
  return isRollout ? Math.min(spec.replicas, Math.max(spec.rollout.maxSurge, spec.rollout.maxUnavailable)) + added : added;
}
