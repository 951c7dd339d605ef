import { Injectable } from '@nestjs/common';
import type { Tx } from '../../database/transaction';
import type { ContainerSpec } from '../../engines/container-spec';
import type { PlacedVolumes } from '../../scheduling/place.types';
import { VolumesRepository } from '../../volumes/volumes.repository';
import type { Amounts } from '../holdings.sql';
import { Quota, type QuotaDemand } from '../quota';
import { plusVolumes, VolumeLedger } from './volume-ledger';
import { VolumeUsesRepository } from './volume-uses.repository';

type Mounting = Pick<ContainerSpec, 'volumes'>;

/** Who mounts volumes. */
interface Mounter {
  /** Null: it is about to be made. */
  readonly id: string | null;
  readonly name: string;
  readonly projectId: string;
  readonly userId: string;
}

/** Makes the volumes that deployments mount and that are not there yet, and sees to it that each has one writer. */
@Injectable()
export class VolumeClaims {
  constructor(
    private readonly volumes: VolumesRepository,
    private readonly uses: VolumeUsesRepository,
    private readonly quota: Quota,
  ) {}

  /**
   * The volumes that these containers mount. `lock`: until the transaction ends nobody else makes, mounts or removes volumes of the
   * project; whoever locks has asked the quota before.
   */
  async ledger(tx: Tx, projectId: string, containers: readonly Mounting[], { lock }: { readonly lock: boolean }): Promise<VolumeLedger> {
    const names = [...new Set(containers.flatMap(({ volumes = [] }) => volumes.map(({ name }) => name)))];
    if (names.length === 0) return new VolumeLedger([], []);
    if (lock) await this.volumes.lockProjects(tx, [projectId]);
    return new VolumeLedger(await this.volumes.named(tx, projectId, names), await this.uses.writers(tx, projectId, names));
  }

  /**
   * Throws what `VolumeLedger.take` throws, and `quota_exceeded`. The deployment is there already, so that what it holds itself counts.
   * Without volumes it does nothing.
   */
  async claim(tx: Tx, container: Mounting, mounter: Mounter & Pick<QuotaDemand, 'asker'>): Promise<void> {
    if (!container.volumes) return;
    const { userId, projectId, asker } = mounter;
    const tally = await this.quota.tally(tx, { userId, projectId, asker, amounts: plusVolumes({}, container.volumes) }, { lock: true });
    const ledger = await this.ledger(tx, projectId, [container], { lock: true });
    const made = ledger.take(container, mounter);
    tally.require(plusVolumes({}, made));
    await this.volumes.insert(tx, made, mounter);
  }

  /** The same for a caller who counts what a quota holds before and after. */
  async claimCounted(tx: Tx, container: Mounting, mounter: Mounter): Promise<void> {
    if (!container.volumes) return;
    const ledger = await this.ledger(tx, mounter.projectId, [container], { lock: true });
    await this.volumes.insert(tx, ledger.take(container, mounter), mounter);
  }

  /**
   * For a deleted deployment that comes back in its current revision: throws `volume_in_use` when others have become writers of what it wrote to. With
   * `lock` nobody becomes one until the transaction ends. Gives what its volumes say about where it may run; null without any.
   */
  async reclaim(
    tx: Tx,
    { id, projectId, revision }: Pick<Mounter, 'projectId'> & { readonly id: string; readonly revision: number },
    options: { readonly lock: boolean },
  ): Promise<PlacedVolumes | null> {
    const volumes = await this.uses.ofRevision(tx, id, revision);
    if (volumes.length === 0) return null;
    const ledger = await this.ledger(tx, projectId, [{ volumes }], options);
    ledger.take({ volumes }, { id, name: '' });
    return ledger.places({ volumes });
  }

  /** What a deployment asks of quotas together with the volumes that it would make now. */
  async demand(tx: Tx, container: Mounting, projectId: string, amounts: Partial<Amounts>): Promise<Partial<Amounts>> {
    return plusVolumes(amounts, (await this.ledger(tx, projectId, [container], { lock: false })).missing(container));
  }

  /** What a claim would throw, and what the volumes say about where a replica may run. Writes nothing. */
  async look(tx: Tx, container: Mounting, { id, name, projectId }: Omit<Mounter, 'userId'>): Promise<PlacedVolumes | null> {
    if (!container.volumes) return null;
    const ledger = await this.ledger(tx, projectId, [container], { lock: false });
    ledger.take(container, { id, name });
    return ledger.places(container);
  }
}
