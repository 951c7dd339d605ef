import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { DomainError } from '../common/problem/domain-error';
import type { Actor, RequestContext } from '../common/request-context';
import { inTransaction, type Tx } from '../database/transaction';
import { PlacementService } from '../deployments/placement/placement.service';
import { Quota } from '../deployments/quota';
import { VolumeClaims } from '../deployments/volumes/volume-claims.service';
import { restoredStatus, type RestoredStatus } from '../deployments/domain/deployment-status';
import { requireMatch } from '../deployments/etag';
import { deploymentNotFound } from '../deployments/refusals';
import { requireRole } from '../rights/rights';
import { RestorationRepository, type RestorationCandidate } from './restoration.repository';
import type { Placement } from '../scheduling/place.types';
import { ImageCheck, type ImageState } from './image-check';
import { imageUnavailable, nameTaken, notDeleted, projectGone } from './refusals';
import { replicasToPlace, restoreDemand } from './replicas-to-place';
import type { RestoreOrder } from './restore.service';

/** A deployment as a restore would bring it back, and why it cannot. */
export interface RestorePreview {
  /** All refusals of the restore at once; empty when it is possible. */
  readonly obstacles: readonly DomainError[];
  readonly name: string;
  readonly status: RestoredStatus;
  readonly replicas: number;
  readonly warmReplicas: number;
  readonly image: ImageState;
  /** When it will be purged if it is not restored. */
  readonly purgeAt: Date | null;
  /** Null when no replica needs a place. */
  readonly placement: Placement | null;
}

/** Tells what a restore would do, with all reasons at once that prevent it. Writes nothing. */
@Injectable()
export class RestorePreviewService {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly restorations: RestorationRepository,
    private readonly placements: PlacementService,
    private readonly quota: Quota,
    private readonly images: ImageCheck,
    private readonly volumes: VolumeClaims,
  ) {}

  /** Throws `not_found`, `role_required` and `precondition_failed`; everything else that a restore would throw is an obstacle in the answer. */
  async preview({ id, name }: RestoreOrder, { actor, ifMatch }: Pick<RequestContext, 'actor' | 'ifMatch'>): Promise<RestorePreview> {
    const { deployment, placement, obstacles } = await inTransaction(this.dataSource, async (tx) => {
      const found = await this.restorations.find(tx, id, { actor, name, lock: false });
      if (!found) throw deploymentNotFound(id);
      requireRole(found.role, 'deployment.change');
      requireMatch({ ifMatch }, found.version);
      const count = replicasToPlace(found);
      const volumes = await orRefused(this.volumes.reclaim(tx, found, { lock: false }));
      const [refusal, places] = volumes instanceof DomainError ? [[volumes], null] : [[], volumes];
      const placed = count > 0 ? await this.placements.preview(tx, found, count, places) : null;
      return {
        deployment: found,
        placement: placed,
        obstacles: [...(await this.refusals(tx, found, { name, placement: placed, actor })), ...refusal],
      };
    });
    const status = restoredStatus(deployment.statusBefore);
    const image = await this.images.state(deployment);
    if (image === 'unavailable') obstacles.push(imageUnavailable(deployment.image));
    return {
      obstacles,
      name: name ?? deployment.name,
      status,
      replicas: deployment.targetReplicas,
      warmReplicas: status === 'scheduled' ? deployment.warmReplicaIds.length : 0,
      image,
      purgeAt: deployment.purgeAt,
      placement,
    };
  }

  private async refusals(
    tx: Tx,
    deployment: RestorationCandidate,
    { name, placement, actor }: { readonly name: string | null; readonly placement: Placement | null; readonly actor: Actor },
  ): Promise<DomainError[]> {
    if (deployment.status !== 'deleted') return [notDeleted(deployment.status)];
    const found: DomainError[] = [];
    if (deployment.lostProject !== null) found.push(projectGone(deployment.lostProject));
    if (deployment.nameTaken) found.push(nameTaken(name ?? deployment.name));
    const beyond = await orRefused(this.quota.check(tx, restoreDemand(deployment, actor)));
    if (beyond instanceof DomainError) found.push(beyond);
    if (placement?.shortfall != null) found.push(new DomainError('insufficient_capacity', placement.shortfall));
    return found;
  }
}

/** What it gives, or the refusal that it throws. */
async function orRefused<T>(work: Promise<T>): Promise<T | DomainError> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    return error;
  }
}
