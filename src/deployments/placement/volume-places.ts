import { Injectable } from '@nestjs/common';
import type { Tx } from '../../database/transaction';
import { writesVolumes, type VolumeMount } from '../../engines/container-spec';
import type { PlacedVolumes } from '../../scheduling/place.types';
import { VolumesRepository, type StoredVolume } from '../../volumes/volumes.repository';
import { dataOf, differentNodes } from '../volumes/volume-ledger';
import { VolumeUsesRepository } from '../volumes/volume-uses.repository';

/** What the volumes of a revision say about where a replica of it may run now. */
interface VolumesToPlace extends PlacedVolumes {
  /** Why no replica may be placed at this moment, in words; null: one may. */
  readonly inTheWay: string | null;
  /** Those that are on no node yet. */
  readonly unbound: readonly string[];
}

/** A deployment whose replicas mount volumes of its project. */
interface Mounter {
  readonly id: string;
  readonly projectId: string;
}

/** Finds out where replicas with volumes may run, and binds volumes to nodes. */
@Injectable()
export class VolumePlaces {
  constructor(
    private readonly volumes: VolumesRepository,
    private readonly uses: VolumeUsesRepository,
  ) {}

  /** Until the transaction ends no other replica that mounts a volume of this revision is placed. Gives the volumes that it mounts. */
  async lock(
    tx: Tx,
    { id, projectId }: Mounter,
    revision: number,
  ): Promise<{ readonly mounts: readonly VolumeMount[]; readonly ids: readonly string[] }> {
    const mounts = await this.uses.ofRevision(tx, id, revision);
    const named = await this.volumes.named(
      tx,
      projectId,
      mounts.map(({ name }) => name),
    );
    const ids = named.map((volume) => volume.id);
    if (ids.length > 0) await this.volumes.lock(tx, ids);
    return { mounts, ids };
  }

  /** Null for a revision without volumes. Locks as `lock` does. */
  async of(tx: Tx, deployment: Mounter, revision: number): Promise<VolumesToPlace | null> {
    const { mounts, ids } = await this.lock(tx, deployment, revision);
    if (mounts.length === 0) return null;
    const names = mounts.map(({ name }) => name);
    const stored = await this.volumes.named(tx, deployment.projectId, names);
    const bound = stored.filter(({ node }) => node !== null);
    const unbound = stored.filter(({ node }) => node === null);
    return {
      node: bound[0]?.node ?? null,
      words: dataOf(names),
      newGb: unbound.reduce((sum, { sizeGb }) => sum + sizeGb, 0),
      unbound: unbound.map((volume) => volume.id),
      inTheWay: apart(stored) ?? (writesVolumes({ volumes: mounts }) ? await this.writerOf(tx, ids) : null),
    };
  }

  /** Binds them to the node of a placement that is written next. False when others have. */
  bind(tx: Tx, { unbound }: VolumesToPlace, nodeId: string): Promise<boolean> {
    return unbound.length === 0 ? Promise.resolve(true) : this.volumes.bind(tx, unbound, nodeId);
  }

  private async writerOf(tx: Tx, ids: readonly string[]): Promise<string | null> {
    const [holder] = await this.uses.holders(tx, ids);
    return holder ? `a replica of deployment ${holder.name} that writes to ${holder.volume} has not ended yet` : null;
  }
}

function apart(stored: readonly StoredVolume[]): string | null {
  const where = differentNodes(stored);
  return where && `its volumes are on different nodes: ${where}`;
}
