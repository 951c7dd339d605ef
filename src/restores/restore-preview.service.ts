import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { DomainError } from '../common/problem/domain-error';
import type { RequestContext } from '../common/request-context';
import { inTransaction, type Tx } from '../database/transaction';
import { PlacementExplanationDto } from '../deployments/dto/placement.dto';
import { PlacementService } from '../deployments/placement/placement.service';
import { Quota } from '../deployments/quota';
import { restoredStatus } from '../deployments/domain/deployment-status';
import { deploymentNotFound } from '../deployments/refusals';
import { RestorationRepository, type RestorationCandidate } from '../deployments/deletion/restoration.repository';
import type { Placement } from '../scheduling/place.types';
import type { RestoreObstacleDto, RestorePreviewDto } from './dto/restore.dto';
import { ImageCheck } from './image-check';
import { nameTaken } from './restore.service';

/** What a restore would do, with everything that keeps it from happening at once. Writes nothing. */
@Injectable()
export class RestorePreviewService {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly restorations: RestorationRepository,
    private readonly placements: PlacementService,
    private readonly quota: Quota,
    private readonly images: ImageCheck,
  ) {}

  /** Throws `not_found`; everything else that a restore would throw is an obstacle of the answer. */
  async preview(id: string, name: string | null, { actor }: RequestContext): Promise<RestorePreviewDto> {
    const { deployment, status, placement, obstacles } = await inTransaction(this.dataSource, async (tx) => {
      const found = await this.restorations.find(tx, id, { actor, name, lock: false });
      if (!found) throw deploymentNotFound(id);
      const rest = found.targetReplicas - found.warmReplicaIds.length;
      const status = restoredStatus(found.statusBefore);
      const placed = status === 'scheduled' && rest > 0 ? await this.placements.preview(tx, found, rest) : null;
      return { deployment: found, status, placement: placed, obstacles: await this.obstacles(tx, found, name, placed) };
    });
    const starts = status === 'scheduled';
    const image = starts ? await this.images.state(deployment.containerImage) : 'unknown';
    if (image === 'unavailable')
      obstacles.push({ code: 'image_unavailable', detail: `No registry offers ${deployment.containerImage} any more` });
    return {
      dry_run: true,
      possible: obstacles.length === 0,
      obstacles,
      name: name ?? deployment.name,
      status,
      replicas: deployment.targetReplicas,
      replicas_warm: starts ? deployment.warmReplicaIds.length : 0,
      image,
      purge_at: deployment.purgeAt?.toISOString() ?? null,
      placement: placement && PlacementExplanationDto.from(placement.explanation),
    };
  }

  private async obstacles(
    tx: Tx,
    deployment: RestorationCandidate,
    name: string | null,
    placement: Placement | null,
  ): Promise<RestoreObstacleDto[]> {
    if (deployment.status !== 'deleted') return [{ code: 'not_deleted', detail: `The deployment is ${deployment.status}, not deleted` }];
    const found: DomainError[] = [];
    if (deployment.nameTaken) found.push(nameTaken(name ?? deployment.name));
    try {
      await this.quota.require(tx, { userId: deployment.userId, deployments: 1, replicas: deployment.targetReplicas });
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      found.push(error);
    }
    if (placement?.shortfall != null) found.push(new DomainError('insufficient_capacity', placement.shortfall));
    return found.map(({ code, detail }) => ({ code, detail }));
  }
}
