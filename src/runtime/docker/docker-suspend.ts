import { pause } from '../abort';
import { DriverError } from '../runtime-driver';
import type { DockerEngine } from './docker-engine';
import type { StopOrder } from './docker-removal';

const POLLS = 40;
const POLL_MS = 250;
/** A container that is to be suspended may already be on its way out (`removing`); nothing of it runs then. */
const NOT_RUNNING: ReadonlySet<string> = new Set(['created', 'exited', 'dead', 'removing']);

/**
 * Stops the container once, with grace, and looks until the engine shows that it does not run. The container stays. Unlike a
 * removal this forces nothing: if the container cannot be stopped, it throws, and the caller tries again later.
 */
export async function suspendContainers(engine: DockerEngine, { replicaId, graceSeconds, signal }: StopOrder): Promise<void> {
  const live = async (): Promise<string[]> =>
    (await engine.containers({ replicaId })).filter(({ State: state }) => !NOT_RUNNING.has(state)).map(({ Id: id }) => id);
  await Promise.all((await live()).map((id) => engine.stop(id, graceSeconds)));
  for (let poll = 0; poll < POLLS; poll++) {
    if ((await live()).length === 0) return;
    await pause(POLL_MS, signal);
  }
  throw new DriverError('timeout', 'The engine has not finished stopping the container');
}
