import type { NodeTarget } from '../../engines/node-target';
import { lostVolume } from '../lost-volume';
import { writtenVolume } from '../written-volume';
import { DriverError, type EngineVolumes, type WorkloadSpec, type WorkloadVolume } from '../runtime-driver';
import type { DockerEngine } from './docker-engine';
import { VOLUME_LABEL } from './docker-labels';
import type { NewVolume, VolumeCalls } from './volume-calls';

/** The name of a volume on its engine. The id is random, so no other volume has it. */
export const volumeName = (id: string): string => `fog-volume-${id}`;

/**
 * Makes the volumes that are not there yet, held to their sizes where the engine's file system can. Throws `rejected` for one that
 * was there before, and `unfit` for a foreign one with its name.
 */
export async function makeVolumes(calls: VolumeCalls, volumes: readonly WorkloadVolume[], installationId: string): Promise<void> {
  for (const { id, name, sizeGb, wasMade } of volumes) {
    const labels = await calls.labels(volumeName(id));
    if (labels !== null) requireOurs(labels, { id, installationId });
    else if (wasMade) throw lostVolume(name);
    else await calls.create(orderOf({ id, name, sizeGb, installationId }));
  }
}

/** Throws `timeout` while another container of ours that runs writes to a volume to which a workload would write. */
export async function requireOnlyWriter(
  engine: DockerEngine,
  { volumes = [], replicaId }: Pick<WorkloadSpec, 'volumes' | 'replicaId'>,
): Promise<void> {
  const own = volumes.filter(({ readOnly }) => !readOnly);
  if (own.length === 0) return;
  const names = own.map(({ id }) => volumeName(id));
  const written = await engine.writtenVolumes(names, replicaId);
  const taken = own.find(({ id }) => written.has(volumeName(id)));
  if (taken) throw writtenVolume(taken.name);
}

/** The volumes of Docker Engines. `callsTo` gives the calls to the engine that a node stands for, after it has shown that it is that one. */
export class DockerVolumes implements EngineVolumes {
  constructor(
    private readonly installationId: string,
    private readonly callsTo: (target: NodeTarget, signal: AbortSignal) => Promise<VolumeCalls>,
  ) {}

  async remove(target: NodeTarget, volumeId: string, signal: AbortSignal): Promise<void> {
    const [calls, name] = [await this.callsTo(target, signal), volumeName(volumeId)];
    const labels = await calls.labels(name);
    if (labels === null) return;
    requireOurs(labels, { id: volumeId, installationId: this.installationId });
    if (!(await calls.remove(name))) throw new DriverError('timeout', 'A container on the node still uses the volume');
    if ((await calls.labels(name)) !== null) throw new DriverError('timeout', 'The engine has not removed the volume');
  }

  async list(target: NodeTarget, signal: AbortSignal): Promise<readonly string[]> {
    const calls = await this.callsTo(target, signal);
    return calls.ids(this.installationId);
  }
}

const orderOf = ({ id, name, sizeGb, installationId }: Volume & Pick<WorkloadVolume, 'name' | 'sizeGb'>): NewVolume => ({
  name: volumeName(id),
  sizeGb,
  labels: { [VOLUME_LABEL.installation]: installationId, [VOLUME_LABEL.id]: id, [VOLUME_LABEL.name]: name },
});

interface Volume {
  readonly id: string;
  readonly installationId: string;
}

function requireOurs(labels: Readonly<Record<string, string>>, { id, installationId }: Volume): void {
  if (labels[VOLUME_LABEL.installation] === installationId && labels[VOLUME_LABEL.id] === id) return;
  throw new DriverError('unfit', `The node has a volume named ${volumeName(id)} that does not belong to this installation`);
}
