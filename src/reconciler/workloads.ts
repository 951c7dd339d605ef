import { Injectable } from '@nestjs/common';
import { ContainerVault, type StoredContainer } from '../deployments/spec/container-vault';
import type { ContainerSpec, VolumeMount } from '../engines/container-spec';
import type { RegistryCredential } from '../engines/registry-credential';
import { DriverError, type WorkloadSpec, type WorkloadVolume } from '../runtime/runtime-driver';
import { RegistryCredentials } from '../secrets/registry-credentials';
import { VolumesRepository } from '../volumes/volumes.repository';
import type { PlanReplica } from './plan.types';
import { specOf, type Snapshot } from './snapshot.repository';

/** Makes of a snapshot what an engine needs to run a replica. Only here is decrypted what the background needs. */
@Injectable()
export class Workloads {
  constructor(
    private readonly vault: ContainerVault,
    private readonly credentials: RegistryCredentials,
    private readonly volumes: VolumesRepository,
  ) {}

  /** Throws a DriverError, after which a start is tried again, when something cannot be decrypted. */
  async of(snapshot: Snapshot, { id: replicaId, generation, revision }: PlanReplica): Promise<WorkloadSpec> {
    const { id: deploymentId, name: deploymentName, ownerId, labels } = snapshot;
    const { imageDigest, ...stored } = specOf(snapshot, revision);
    const container = this.open(stored, deploymentId);
    const registry = await this.registry(ownerId, container.image);
    const { volumes: mounts, ...rest } = container;
    const volumes = mounts ? { volumes: await this.found(ownerId, mounts) } : {};
    return { replicaId, deploymentId, deploymentName, ownerId, generation, labels, ...rest, ...volumes, imageDigest, registry };
  }

  /** Notes which volumes an engine has had, once a workload was started with them. */
  async noteStarted({ volumes = [] }: WorkloadSpec): Promise<void> {
    const ids = volumes.filter(({ wasMade }) => !wasMade).map(({ id }) => id);
    if (ids.length > 0) await this.volumes.noteMade(ids);
  }

  /** Their ids, by which engines know them. What is mounted is not removed, so each is there. */
  private async found(projectId: string, mounts: readonly VolumeMount[]): Promise<WorkloadVolume[]> {
    const stored = await this.volumes.look(
      projectId,
      mounts.map(({ name }) => name),
    );
    return mounts.map((mount) => {
      const volume = stored.find(({ name }) => name === mount.name);
      if (!volume) throw new DriverError('unreachable', `The project has no volume ${mount.name}`);
      return { ...mount, id: volume.id, wasMade: volume.wasMade };
    });
  }

  private open(stored: StoredContainer, deploymentId: string): ContainerSpec {
    try {
      return this.vault.openToRun(stored, deploymentId);
    } catch (error) {
      throw undecided(error);
    }
  }

  private async registry(projectId: string, image: string): Promise<RegistryCredential | null> {
    try {
      return await this.credentials.for(projectId, image);
    } catch (error) {
      throw undecided(error);
    }
  }
}

const undecided = (error: unknown): DriverError =>
  new DriverError('unreachable', error instanceof Error ? error.message : String(error), { cause: error });
