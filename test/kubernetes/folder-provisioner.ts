import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { V1PersistentVolume, V1PersistentVolumeClaim, V1StorageClass } from '@kubernetes/client-node';
import type { ClusterClient } from '../../src/runtime/kubernetes/cluster-client';

const CLASS = 'fog-test-folders';
const PROVISIONER = 'fog-compute.test/folders';
const DEFAULT_CLASS = 'storageclass.kubernetes.io/is-default-class';
const LOOK_EVERY_MS = 200;

/**
 * Gives the claims of one namespace volumes, as the provisioner of a StorageClass does: folders of this machine, which go when their claims
 * have gone. On a cluster that has a default StorageClass of its own it does nothing.
 */
export class FolderProvisioner {
  private readonly folder = mkdtempSync(join(tmpdir(), 'fog-volumes-'));
  private readonly timer: NodeJS.Timeout;
  private looking: Promise<void> = Promise.resolve();
  private readonly made = new Set<string>();

  private constructor(private readonly client: ClusterClient) {
    chmodSync(this.folder, 0o755);
    this.timer = setInterval(() => {
      this.looking = this.looking
        .then(() => this.look())
        .catch((error: unknown) => void process.stderr.write(`The provisioner of the tests goes on after: ${String(error)}\n`));
    }, LOOK_EVERY_MS);
  }

  static async start(client: ClusterClient): Promise<FolderProvisioner | null> {
    const storage = client.config.makeApiClient(client.library.StorageV1Api);
    const { items } = await storage.listStorageClass();
    if (items.some(({ metadata, provisioner }) => metadata?.annotations?.[DEFAULT_CLASS] === 'true' && provisioner !== PROVISIONER))
      return null;
    // Another file of tests may make it at the same time.
    await unless(409, client, storage.createStorageClass({ body: STORAGE_CLASS }));
    return new FolderProvisioner(client);
  }

  /** The names of the volumes that it has made and that are still there. */
  get volumes(): readonly string[] {
    return [...this.made];
  }

  async close(): Promise<void> {
    clearInterval(this.timer);
    await this.looking;
    for (const name of this.made) await this.client.core.deletePersistentVolume({ name }).catch(() => undefined);
    rmSync(this.folder, { recursive: true, force: true });
  }

  private async look(): Promise<void> {
    const { items } = await this.client.core.listNamespacedPersistentVolumeClaim({ namespace: this.client.access.namespace });
    for (const claim of items)
      if (claim.status?.phase === 'Pending' && claim.spec?.storageClassName === CLASS && !this.made.has(nameFor(claim)))
        await this.make(claim);
    for (const name of this.made) {
      const found = await unless(404, this.client, this.client.core.readPersistentVolume({ name }));
      if (found && found.status?.phase !== 'Released') continue;
      await unless(404, this.client, this.client.core.deletePersistentVolume({ name }));
      rmSync(join(this.folder, name), { recursive: true, force: true });
      this.made.delete(name);
    }
  }

  private async make(claim: V1PersistentVolumeClaim): Promise<void> {
    const name = nameFor(claim);
    mkdirSync(join(this.folder, name), { mode: 0o755, recursive: true });
    // Made already when the answer of an earlier call was lost.
    await unless(409, this.client, this.client.core.createPersistentVolume({ body: volumeFor(claim, join(this.folder, name)) }));
    this.made.add(name);
  }
}

const STORAGE_CLASS: V1StorageClass = {
  metadata: { name: CLASS, annotations: { [DEFAULT_CLASS]: 'true' } },
  provisioner: PROVISIONER,
};

/** What the call gives; undefined when the cluster answers with this code. */
async function unless<T>(code: number, { library }: ClusterClient, call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof library.ApiException && error.code === code) return undefined;
    throw error;
  }
}

const nameFor = ({ metadata }: V1PersistentVolumeClaim): string => `fog-test-${metadata?.uid ?? ''}`;

function volumeFor(claim: V1PersistentVolumeClaim, path: string): V1PersistentVolume {
  const { name, namespace, uid } = claim.metadata!;
  return {
    metadata: { name: nameFor(claim), annotations: { 'pv.kubernetes.io/provisioned-by': PROVISIONER } },
    spec: {
      ...{ storageClassName: CLASS, accessModes: claim.spec?.accessModes, capacity: claim.spec?.resources?.requests },
      ...{ persistentVolumeReclaimPolicy: 'Delete', claimRef: { kind: 'PersistentVolumeClaim', name, namespace, uid }, local: { path } },
      nodeAffinity: {
        required: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/os', operator: 'In', values: ['linux'] }] }] },
      },
    },
  };
}
