import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { Commands } from '../commands/commands';
import { DomainError } from '../common/problem/domain-error';
import type { Actor, RequestContext } from '../common/request-context';
import { inTransaction, type Tx } from '../database/transaction';
import { VolumeUsesRepository, type VolumeUse } from '../deployments/volumes/volume-uses.repository';
import { ProjectAccess } from '../rights/project-access';
import { VolumesRepository, type VolumeRow } from '../volumes/volumes.repository';
import type { ShownVolume } from './volume.types';

interface PageQuery {
  readonly limit: number;
  readonly offset: number;
}

/** Shows the volumes of projects, and has those removed that nothing mounts. */
@Injectable()
export class ProjectVolumesService {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly commands: Commands,
    private readonly access: ProjectAccess,
    private readonly volumes: VolumesRepository,
    private readonly uses: VolumeUsesRepository,
  ) {}

  /** By name, those that are being removed behind their successors. Throws `not_found`. */
  page(projectId: string, page: PageQuery, actor: Actor): Promise<{ rows: ShownVolume[]; total: number }> {
    return inTransaction(this.dataSource, async (tx) => {
      await this.access.hold(tx, projectId, 'volumes.read', actor);
      const { rows, total } = await this.volumes.page(tx, projectId, page);
      return { rows: await this.shown(tx, projectId, rows), total };
    });
  }

  /** Throws `not_found` for the project and for the volume. */
  get(projectId: string, name: string, actor: Actor): Promise<ShownVolume> {
    return inTransaction(this.dataSource, async (tx) => {
      await this.access.hold(tx, projectId, 'volumes.read', actor);
      return this.one(tx, projectId, name);
    });
  }

  /**
   * From now on its name is free, and its engine is asked to remove it. Throws `not_found`, `role_required`, and `volume_in_use` while
   * deployments mount it, deleted ones that are kept included.
   */
  remove(projectId: string, name: string, context: RequestContext): Promise<ShownVolume> {
    return this.commands.run(context, async (tx) => {
      await this.access.hold(tx, projectId, 'volumes.change', context.actor);
      await this.volumes.lockProjects(tx, [projectId]);
      const volume = await this.one(tx, projectId, name);
      if (volume.uses.length > 0) throw inUse(name, volume.uses);
      await this.volumes.markRemoving(tx, [volume.id]);
      const before = { name, size_gb: volume.sizeGb, node_id: volume.node?.id ?? null };
      return {
        outcome: { ...volume, removingSince: new Date() },
        audit: { action: 'project.remove_volume', resourceType: 'project', resourceId: projectId, before },
        jobs: [{ kind: 'volume.remove', key: volume.id }],
      };
    });
  }

  private async one(tx: Tx, projectId: string, name: string): Promise<ShownVolume> {
    const found = await this.volumes.find(tx, projectId, name);
    const [volume] = await this.shown(tx, projectId, found ? [found] : []);
    if (!volume) throw new DomainError('not_found', `The project has no volume ${name}`);
    return volume;
  }

  /** Nothing mounts one that is being removed: what has its name is another one. */
  private async shown(tx: Tx, projectId: string, rows: readonly VolumeRow[]): Promise<ShownVolume[]> {
    const names = rows.filter(({ removingSince }) => removingSince === null).map(({ name }) => name);
    const uses = await this.uses.of(tx, projectId, names);
    return rows.map((row) => ({ ...row, uses: row.removingSince === null ? uses.filter(({ volume }) => volume === row.name) : [] }));
  }
}

function inUse(name: string, uses: readonly VolumeUse[]): DomainError {
  const live = uses.filter(({ deleted }) => !deleted).length;
  const kept = uses.length - live;
  const parts = [...(live > 0 ? [`${live} live`] : []), ...(kept > 0 ? [`${kept} deleted and kept`] : [])];
  const words = `Deployments mount the volume ${name}: ${parts.join(', ')}; change them, or delete and purge them, first`;
  return new DomainError('volume_in_use', words, { members: { volume: name, deployments: live, kept_deployments: kept } });
}
