import type { V1Job, V1Pod, V1Volume } from '@kubernetes/client-node';
import type { NodeTarget } from '../../engines/node-target';
import { pause } from '../abort';
import { lostVolume } from '../lost-volume';
import { writtenVolume } from '../written-volume';
import { DriverError, type EngineVolumes, type WorkloadSpec, type WorkloadVolume } from '../runtime-driver';
import type { Cluster } from './cluster';
import type { ClusterObject, ClusterObjects } from './cluster-objects';
import { LABEL, tenantOf, type Maker } from './labels';

/** Claims of volumes by Pods are let go a moment after these have gone. */
const LOOKS = 20;
const LOOK_MS = 500;

/** The name of the PersistentVolumeClaim of a volume. The id is random, so no other has it. */
export const claimName = (id: string): string => `fog-volume-${id}`;

/**
 * Makes the claims of the volumes that are not there yet, of the default StorageClass of the cluster. Throws `rejected` for one
 * that was there before, and `unfit` for a foreign one with its name.
 */
export async function makeClaims(
  objects: ClusterObjects,
  { volumes = [], ownerId }: Pick<WorkloadSpec, 'volumes' | 'ownerId'>,
  maker: Maker,
): Promise<void> {
  for (const volume of volumes) {
    const found = await objects.read('PersistentVolumeClaim', claimName(volume.id));
    if (found !== null) requireOurs(found, volume.id, maker.installationId);
    else if (volume.wasMade) throw lostVolume(volume.name);
    else await objects.create(claimFor(volume, ownerId, maker));
  }
}

/**
 * Throws `timeout` while another Job or Pod of ours that may run writes to a claim to which a workload would write. The access mode
 * `ReadWriteOnce` prevents that between machines only, and `ReadWriteOncePod` needs drivers that many clusters do not have.
 */
export async function requireOnlyWriter(
  cluster: Pick<Cluster, 'jobs' | 'pods'>,
  { volumes = [], replicaId }: Pick<WorkloadSpec, 'volumes' | 'replicaId'>,
): Promise<void> {
  const own = volumes.filter(({ readOnly }) => !readOnly);
  if (own.length === 0) return;
  const [jobs, pods] = await Promise.all([cluster.jobs({}), cluster.pods({})]);
  const others = [...jobs.filter(mayStart), ...pods.filter(mayRun)].filter(
    ({ metadata }) => metadata?.labels?.[LABEL.replica] !== replicaId,
  );
  const written = new Set(others.flatMap(volumesOf).flatMap(writtenClaims));
  const taken = own.find(({ id }) => written.has(claimName(id)));
  if (taken) throw writtenVolume(taken.name);
}

const mayRun = ({ status }: V1Pod): boolean => status?.phase !== 'Succeeded' && status?.phase !== 'Failed';

const mayStart = ({ spec, status }: V1Job): boolean =>
  spec?.suspend !== true &&
  !(status?.conditions ?? []).some(({ type, status: is }) => (type === 'Complete' || type === 'Failed') && is === 'True');

const volumesOf = ({ spec }: V1Job | V1Pod): readonly V1Volume[] => (spec && 'template' in spec ? spec.template.spec : spec)?.volumes ?? [];

const writtenClaims = ({ persistentVolumeClaim: claim }: V1Volume): string[] =>
  claim === undefined || claim.readOnly === true ? [] : [claim.claimName];

function claimFor({ id, sizeGb }: WorkloadVolume, ownerId: string, { installationId, nodeId }: Maker): ClusterObject {
  const labels = { ...tenantOf({ ownerId }), [LABEL.installation]: installationId, [LABEL.node]: nodeId, [LABEL.volume]: id };
  return {
    kind: 'PersistentVolumeClaim',
    metadata: { name: claimName(id), labels },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: `${sizeGb}Gi` } } },
  };
}

/** The volumes of clusters: PersistentVolumeClaims. What becomes of the data of a removed one is up to its StorageClass. */
export class ClusterVolumes implements EngineVolumes {
  constructor(
    private readonly installationId: string,
    /** Gives what `look` has found, once it is known to be that of the node's own cluster. */
    private readonly looking: <T>(target: NodeTarget, signal: AbortSignal, look: (objects: ClusterObjects) => Promise<T>) => Promise<T>,
  ) {}

  remove(target: NodeTarget, volumeId: string, signal: AbortSignal): Promise<void> {
    return this.looking(target, signal, (objects) => this.removeFrom(objects, volumeId, signal));
  }

  /** Of this node, since several nodes may share a namespace. */
  list(target: NodeTarget, signal: AbortSignal): Promise<readonly string[]> {
    const selector = `${LABEL.installation}=${this.installationId},${LABEL.node}=${target.id}`;
    return this.looking(target, signal, async (objects) => {
      const claims = await objects.list('PersistentVolumeClaim', selector, { metadataOnly: true });
      return claims.flatMap(({ metadata }) => metadata.labels?.[LABEL.volume] ?? []);
    });
  }

  private async removeFrom(objects: ClusterObjects, volumeId: string, signal: AbortSignal): Promise<void> {
    for (let look = 0; look < LOOKS; look++) {
      const found = await objects.read('PersistentVolumeClaim', claimName(volumeId));
      if (found === null) return;
      requireOurs(found, volumeId, this.installationId);
      if (found.metadata.deletionTimestamp === undefined) await objects.remove({ ...found, kind: 'PersistentVolumeClaim' });
      await pause(LOOK_MS, signal);
    }
    throw new DriverError('timeout', 'The cluster has not removed the PersistentVolumeClaim: a Pod may still use it');
  }
}

function requireOurs({ metadata }: ClusterObject, id: string, installationId: string): void {
  if (metadata.labels?.[LABEL.installation] === installationId && metadata.labels[LABEL.volume] === id) return;
  throw new DriverError(
    'unfit',
    `The cluster has a PersistentVolumeClaim named ${claimName(id)} that does not belong to this installation`,
  );
}
