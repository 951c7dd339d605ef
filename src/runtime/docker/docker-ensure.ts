import { DriverError, type WorkloadSpec } from '../runtime-driver';
import type { ContainerCreateOptions } from 'dockerode';
import type { DockerEngine } from './docker-engine';
import { LABEL } from './docker-labels';
import { fromInspection } from './observe';

const ATTEMPTS = 3;

export interface EnsureWork {
  readonly payload: ContainerCreateOptions & { name: string };
  readonly pull: () => Promise<void>;
  /** If the container's last run began at this time and has ended, the container is started again. */
  readonly resumeRunAt: Date | null;
}

/**
 * Finds the container by its labels, creates it if there is none, and starts it if it has never been started or was suspended.
 * Begins again when the container disappears in between. The signal is checked before every engine call.
 */
export async function ensureContainer(engine: DockerEngine, spec: WorkloadSpec, work: EnsureWork): Promise<void> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const container = await findOrCreate(engine, spec, work);
    if (container === null) continue;
    if (container.state !== 'created' && !(await isSuspended(engine, container, work.resumeRunAt))) return;
    if ((await engine.start(container.id)) === 'started') return;
  }
  throw new DriverError('timeout', 'The container was removed by somebody else while it was being created');
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

async function findOrCreate(engine: DockerEngine, spec: WorkloadSpec, { payload, pull }: EnsureWork): Promise<Found | null> {
  const [existing] = await engine.containers({ replicaId: spec.replicaId });
  if (existing !== undefined) return { id: existing.Id, state: existing.State };

  let creation = await engine.create(payload);
  if (creation.kind === 'no_such_image') {
    await pull();
    creation = await engine.create(payload);
  }
  if (creation.kind === 'created') return { id: creation.id, state: 'created' };
  if (creation.kind === 'no_such_image') throw new DriverError('image_unavailable', `Image ${spec.image} is not on the node`);
  return adopt(engine, payload);
}

/** The name is in use. A container of an earlier attempt of ours is adopted; a foreign one is left alone. */
async function adopt(engine: DockerEngine, { name, Labels: wanted = {} }: EnsureWork['payload']): Promise<Found | null> {
  const other = await engine.inspect(name);
  if (other === null) return null;
  const labels = (other.Config.Labels as Record<string, string> | undefined) ?? {};
  if ([LABEL.installation, LABEL.deployment, LABEL.replica].some((key) => labels[key] !== wanted[key])) {
    throw new DriverError('rejected', `The node has a container named ${name} that does not belong to this installation`);
  }
  return { id: other.Id, state: other.State.Status };
}
