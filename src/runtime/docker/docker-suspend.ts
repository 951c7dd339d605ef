import { pause } from '../abort';
import { DriverError } from '../runtime-driver';
import type { DockerEngine } from './docker-engine';
import type { StopOrder } from './docker-removal';

const POLLS = 40;
const POLL_MS = 250;
/** A container may already be on its way out when it is to be kept; then it is gone soon, and nothing of it runs. */
const NOT_RUNNING: ReadonlySet<string> = new Set(['created', 'exited', 'dead', 'removing']);

/**
 * Stops the container once, with grace, and looks until the engine shows that it does not run. It stays where it is. Unlike
 * a removal this forces nothing: what cannot be stopped is an error, and the caller asks again later.
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
