import { DomainError } from '../../common/problem/domain-error';
import type { ContainerSpec, VolumeMount } from '../../engines/container-spec';
import type { PlacedVolumes } from '../../scheduling/place.types';
import type { Amounts } from '../holdings.sql';
import type { StoredVolume } from '../../volumes/volumes.repository';
import type { VolumeWriter } from './volume-uses.repository';

type Mounting = Pick<ContainerSpec, 'volumes'>;

/** A volume that a deployment makes. */
export type NewVolume = Pick<VolumeMount, 'name' | 'sizeGb'>;

/** What a deployment asks of quotas together with volumes that it makes. */
export const plusVolumes = (amounts: Partial<Amounts>, volumes: readonly { readonly sizeGb: number }[]): Partial<Amounts> => ({
  ...amounts,
  storage_gb: (amounts.storage_gb ?? 0) + volumes.reduce((sum, { sizeGb }) => sum + sizeGb, 0),
  volumes: (amounts.volumes ?? 0) + volumes.length,
});

/** The words for the volumes of a deployment. */
export const dataOf = (names: readonly string[]): string => `data of ${names.join(' and ')}`;

/** Where volumes are that no replica can mount together, in words; null while they are on one node, as far as they are on any. */
export function differentNodes(stored: readonly StoredVolume[]): string | null {
  const bound = stored.flatMap(({ name, node }) => (node === null ? [] : [{ name, node }]));
  if (new Set(bound.map(({ node }) => node.id)).size < 2) return null;
  return bound.map(({ name, node }) => `${name} on ${node.name}`).join(', ');
}

/** The volumes of one project while several deployments that mount some are decided, one after the other. Touches no database. */
export class VolumeLedger {
  private readonly sizes = new Map<string, number>();
  private readonly writers = new Map<string, Pick<VolumeWriter, 'id' | 'name'>[]>();

  constructor(
    private readonly stored: readonly StoredVolume[],
    writers: readonly VolumeWriter[],
  ) {
    for (const { name, sizeGb } of stored) this.sizes.set(name, sizeGb);
    for (const { volume, id, name } of writers) this.writers.set(volume, [...(this.writers.get(volume) ?? []), { id, name }]);
  }

  /** Those of its volumes that are not there yet. */
  missing({ volumes = [] }: Mounting): NewVolume[] {
    return volumes.filter(({ name }) => !this.sizes.has(name)).map(({ name, sizeGb }) => ({ name, sizeGb }));
  }

  /**
   * Throws `validation_failed` for another size than a volume has, `conflict` for volumes on different nodes, and `volume_in_use` for
   * one that another live deployment writes to. Gives those that are new. `deployment`: who mounts them; without an id it is new.
   */
  take({ volumes = [] }: Mounting, deployment: { readonly id: string | null; readonly name: string }): NewVolume[] {
    this.requireFree({ volumes }, deployment);
    const made = this.missing({ volumes });
    for (const { name, sizeGb } of made) this.sizes.set(name, sizeGb);
    for (const { name } of volumes.filter(({ readOnly }) => !readOnly))
      this.writers.set(name, [...(this.writers.get(name) ?? []), { ...deployment, id: deployment.id ?? '' }]);
    return made;
  }

  /** Throws what `take` would throw. */
  requireFree({ volumes = [] }: Mounting, { id }: { readonly id: string | null }): void {
    this.requireSizes(volumes);
    this.requireOneNode(volumes);
    for (const { name, readOnly } of volumes) if (!readOnly) this.requireOnlyWriter(name, id);
  }

  /** What they say about where replicas may run; null without any. */
  places({ volumes = [] }: Mounting): PlacedVolumes | null {
    if (volumes.length === 0) return null;
    const [bound] = this.stored.filter(({ name, node }) => node !== null && volumes.some((volume) => volume.name === name));
    const free = volumes.filter(({ name }) => !this.stored.some((volume) => volume.name === name && volume.node !== null));
    return {
      node: bound?.node ?? null,
      words: dataOf(volumes.map(({ name }) => name)),
      newGb: free.reduce((sum, { sizeGb }) => sum + sizeGb, 0),
    };
  }

  private requireSizes(volumes: readonly VolumeMount[]): void {
    const errors = volumes.flatMap(({ name, sizeGb }, index) => {
      const size = this.sizes.get(name) ?? sizeGb;
      const detail = `the volume ${name} has ${size} GB, and its size does not change`;
      return size === sizeGb ? [] : [{ pointer: `/volumes/${index}/size_gb`, detail }];
    });
    if (errors[0]) throw new DomainError('validation_failed', `${errors[0].detail}.`, { errors });
  }

  private requireOneNode(volumes: readonly VolumeMount[]): void {
    const where = differentNodes(this.stored.filter(({ name }) => volumes.some((volume) => volume.name === name)));
    if (where === null) return;
    throw new DomainError('conflict', `The volumes are on different nodes, so no replica can mount all of them: ${where}`);
  }

  private requireOnlyWriter(volume: string, id: string | null): void {
    const other = this.writers.get(volume)?.find((writer) => writer.id !== id);
    if (other) throw hasWriter(volume, other.name);
  }
}

/** The refusal for a second writer. */
const hasWriter = (volume: string, deployment: string): DomainError =>
  new DomainError('volume_in_use', `Deployment ${deployment} writes to the volume ${volume}; others may mount it with read_only`, {
    members: { volume },
  });
