import { DriverError, type WorkloadSpec } from '../runtime-driver';
import type { ContainerCreateOptions } from 'dockerode';
import type { Creation, DockerEngine } from './docker-engine';
import { LABEL } from './docker-labels';
import type { NodeImage } from './node-image';
import { fromInspection } from './observe';

const ATTEMPTS = 3;

type Payload = ContainerCreateOptions & { name: string };

export interface EnsureWork {
  /** The image on the engine; it is pulled if it is not there. */
  readonly image: () => Promise<NodeImage>;
  readonly payload: (image: NodeImage) => Payload;
  /** Makes sure that the volumes of the payload are there. */
  readonly volumes: () => Promise<void>;
  /** Throws while another container of ours writes to a volume to which this one would write. */
  readonly requireOnlyWriter: () => Promise<void>;
  /** Makes sure that the network of the payload is there. `again`: the engine has just missed it. */
  readonly network: (again: boolean) => Promise<void>;
  /** Called when the engine shows whether it can hold a container to its storage. */
  readonly onStorageLimit: (enforced: boolean) => void;
  /** If the container's last run began at this time and has ended, the container is started again. */
  readonly resumeRunAt: Date | null;
}

/**
 * Finds the container by its labels, creates it if there is none, and starts it if it has never been started or was suspended.
 * Begins again when the container or its network disappears in between. The signal is checked before every engine call. The
 * network comes after the container, because a network whose owner has a container is not removed.
 */
export async function ensureContainer(engine: DockerEngine, spec: WorkloadSpec, work: EnsureWork): Promise<void> {
  let networkMissed = false;
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const container = await findOrCreate(engine, spec, work);
    if (container === null) continue;
    if (container.state !== 'created' && !(await isSuspended(engine, container, work.resumeRunAt))) return;
    await work.requireOnlyWriter();
    if (container.state === 'created') await work.network(networkMissed);
    const start = await engine.start(container.id);
    if (start === 'started') return;
    networkMissed = start === 'no_network';
    // The container can join no other network than the one that is gone.
    if (networkMissed) await engine.remove(container.id);
  }
  throw new DriverError('timeout', 'The container, its image or its network was removed by somebody else while it was being created');
}

async function isSuspended(engine: DockerEngine, { id, state }: Found, resumeRunAt: Date | null): Promise<boolean> {
  if (resumeRunAt === null || state !== 'exited') return false;
  const container = await engine.inspect(id);
  return container !== null && fromInspection(container).startedAt?.getTime() === resumeRunAt.getTime();
}

interface Found {
  readonly id: string;
  readonly state: string;
}

async function findOrCreate(engine: DockerEngine, spec: WorkloadSpec, work: EnsureWork): Promise<Found | null> {
  const [existing] = await engine.containers({ replicaId: spec.replicaId });
  if (existing !== undefined) return { id: existing.Id, state: existing.State };

  const payload = work.payload(await work.image());
  await work.volumes();
  const creation = await create(engine, payload, work);
  if (creation.kind === 'created') return { id: creation.id, state: 'created' };
  if (creation.kind === 'no_such_image') return null;
  return adopt(engine, payload);
}

/** Where the engine cannot hold the container to its storage, it is made without that limit. */
async function create(engine: DockerEngine, payload: Payload, { onStorageLimit }: EnsureWork): Promise<Creation> {
  const creation = await engine.create(payload);
  if (payload.HostConfig?.StorageOpt === undefined) return creation;
  if (creation.kind === 'created') onStorageLimit(true);
  if (creation.kind !== 'no_storage_limit') return creation;
  onStorageLimit(false);
  return engine.create({ ...payload, HostConfig: { ...payload.HostConfig, StorageOpt: undefined } });
}

/** The name is in use. A container of an earlier attempt of ours is adopted; a foreign one is left alone. */
async function adopt(engine: DockerEngine, { name, Labels: wanted = {} }: Payload): Promise<Found | null> {
  const other = await engine.inspect(name);
  if (other === null) return null;
  const labels = (other.Config.Labels as Record<string, string> | undefined) ?? {};
  if ([LABEL.installation, LABEL.deployment, LABEL.replica].some((key) => labels[key] !== wanted[key])) {
    throw new DriverError('unfit', `The node has a container named ${name} that does not belong to this installation`);
  }
  return { id: other.Id, state: other.State.Status };
}
