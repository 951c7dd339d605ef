import { Injectable } from '@nestjs/common';
import type { Tx } from '../database/transaction';
import { VolumeUsesRepository } from '../deployments/volumes/volume-uses.repository';
import { JobQueue } from '../jobs/job-queue';
import { VolumesRepository, type RemovedVolume } from '../volumes/volumes.repository';

/** The end of volumes with the last deployment that mounts them: until that is purged, a restore finds their data. */
@Injectable()
export class PurgedVolumes {
  constructor(
    private readonly uses: VolumeUsesRepository,
    private readonly volumes: VolumesRepository,
    private readonly jobs: JobQueue,
  ) {}

  /**
   * To be called before the rows of these deployments are erased, which are locked. The volumes that no other deployment mounts, live or
   * kept, are removed from their engines once the transaction has committed.
   */
  async release(tx: Tx, deploymentIds: readonly string[]): Promise<RemovedVolume[]> {
    const projects = await this.uses.projectsOf(tx, deploymentIds);
    if (projects.length === 0) return [];
    await this.volumes.lockProjects(tx, projects);
    const removed = await this.volumes.markRemoving(tx, await this.uses.onlyOf(tx, deploymentIds));
    await this.jobs.enqueue(
      tx,
      removed.map(({ id }) => ({ kind: 'volume.remove', key: id })),
    );
    return removed;
  }
}
