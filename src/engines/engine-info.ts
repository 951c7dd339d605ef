import type { Resources, Usage } from './resources';

/** What an engine says of the machine it runs on: its capacity, and how busy it is. */
export interface EngineInfo extends Resources, Usage {
  /** Stable for one engine, whatever address it is reached by. */
  readonly engineId: string;
  readonly version: string;
}
