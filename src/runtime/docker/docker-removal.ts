import { pause } from '../abort';
import { DriverError } from '../runtime-driver';
import type { DockerEngine } from './docker-engine';

const ROUNDS = 3;
const POLLS = 40;
const POLL_MS = 250;
/** After so many looks the removal is asked for again, in case the engine had refused it for a moment. */
const POLLS_PER_REQUEST = 8;

export interface StopOrder {
  readonly replicaId: string;
  readonly graceSeconds: number;
  readonly signal: AbortSignal;
  /** A container of the replica that is known to be there: it is not looked for before it is stopped. */
  readonly containerId?: string | undefined;
}

/**
 * Stops with grace, removes by force, and looks until the engine no longer knows the container; then asks by label whether
 * there is another one. Resolves only when the engine says that there is none: an answer that proves nothing is never taken for
 * that.
 */
export async function removeContainers(engine: DockerEngine, removal: StopOrder): Promise<void> {
  const { replicaId, containerId } = removal;
  const left = async (): Promise<string[]> => (await engine.containers({ replicaId })).map(({ Id: id }) => id);
  let ids = containerId === undefined ? await left() : [containerId];
  for (let round = 1; round <= ROUNDS; round++) {
    if (ids.length === 0) return;
    await Promise.all(ids.map((id) => removeOne(engine, id, removal)));
    ids = await left();
  }
  if (ids.length === 0) return;
  throw new DriverError('timeout', 'The container keeps coming back after its removal');
}

async function removeOne(engine: DockerEngine, id: string, { graceSeconds, signal }: StopOrder): Promise<void> {
  if ((await stopped(engine, id, graceSeconds)) === 'gone') return;
  for (let poll = 0; poll < POLLS; poll++) {
    if (poll % POLLS_PER_REQUEST === 0) await engine.remove(id);
    if ((await engine.inspect(id)) === null) return;
    await pause(POLL_MS, signal);
  }
  throw new DriverError('timeout', 'The engine has not finished removing the container');
}

/** A stop that fails inside the engine is ignored, because the forced removal that follows does more. */
async function stopped(engine: DockerEngine, id: string, graceSeconds: number): Promise<'stopped' | 'gone'> {
  try {
    return await engine.stop(id, graceSeconds);
  } catch (error) {
    if (error instanceof DriverError && (error.failure === 'unreachable' || error.failure === 'aborted')) throw error;
    return 'stopped';
  }
}
