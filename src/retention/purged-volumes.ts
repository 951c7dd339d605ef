import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import type { Tx } from '../database/transaction';
import { VolumeUsesRepository } from '../deployments/volumes/volume-uses.repository';
import { JobQueue } from '../jobs/job-queue';
import { VolumesRepository, type RemovedVolume } from '../volumes/volumes.repository';

/** The end of volumes with the last deployment that mounts them: until that is purged, a restore finds their data. */
@Injectable()
export class PurgedVolumes {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly uses: VolumeUsesRepository,
    private readonly volumes: VolumesRepository,
    private readonly jobs: JobQueue,
  ) {}

  /** The names of the volumes that would go with a deployment now. Writes nothing. */
  async of(deploymentId: string): Promise<string[]> {
    return (await this.uses.onlyOf(this.dataSource, [deploymentId])).map(({ name }) => name);
  }

  /**
   * To be called before the rows of these deployments are erased, which are locked. The volumes that no other deployment mounts, live or
   * kept, are removed from their engines once the transaction has committed.
   */
  async release(tx: Tx, deploymentIds: readonly string[]): Promise<RemovedVolume[]> {
    const projects = await this.uses.projectsOf(tx, deploymentIds);
    if (projects.length === 0) return [];
    await this.volumes.lockProjects(tx, projects);
    const mounted = await this.uses.onlyOf(tx, deploymentIds);
    const removed = await this.volumes.markRemoving(
      tx,
      mounted.map(({ id }) => id),
    );
    await this.jobs.enqueue(
      tx,
      removed.map(({ id }) => ({ kind: 'volume.remove', key: id })),
    );
    return removed;
  }
}
