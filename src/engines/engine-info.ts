import type { Resources, Usage } from './resources';

/** What an engine reports about its machine: the capacity, and how busy it is. */
export interface EngineInfo extends Resources, Usage {
  /** The same for one engine, whatever address it is reached by. */
  readonly engineId: string;
  readonly version: string;
}
