import type { EngineIsolation } from './engine-isolation';
import type { LargestMachine, Resources, Usage } from './resources';

/** What an engine reports about its machine: the capacity, and how busy it is. */
export interface EngineInfo extends Omit<Resources, 'storageGb'>, Usage {
  /** The same for one engine, whatever address it is reached by. */
  readonly engineId: string;
  readonly version: string;
  /** Null for an engine that runs nothing. */
  readonly isolation: EngineIsolation | null;
  /** The size of the disk; null when it could not be measured, which is not to be taken for another size. */
  readonly storageGb: number | null;
  /** What is free on that disk; null or absent when it could not be measured. */
  readonly diskFreeGb?: number | null;
  /** What the largest of several machines could give to one container, each amount by itself; null or absent: there is one machine. */
  readonly largestMachine?: LargestMachine | null;
  /** Why only a part of what is needed works on it, in words for administrators; null or absent: all is well. */
  readonly trouble?: string | null;
}
