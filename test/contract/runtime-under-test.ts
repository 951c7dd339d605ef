import { randomUUID } from 'node:crypto';
import type { NodeTarget } from '../../src/engines/node-target';
import type { Resources } from '../../src/engines/resources';
import type { RuntimeDriver, WorkloadSpec } from '../../src/runtime/runtime-driver';

/** What a workload of the suite does. Every runtime has its own way of making them. */
export type Script = 'steady' | 'stubborn' | 'unwell' | 'fails' | 'ends' | 'out-of-memory' | 'speaks' | 'missing-image';

export interface RuntimeUnderTest {
  readonly driver: RuntimeDriver;
  readonly target: NodeTarget;
  /** What this kind of engine cannot show; absent: it shows everything. */
  readonly lacks?: {
    /** Ports are reached at the workload's own address and not at one of the machine. */
    readonly hostPorts?: boolean;
    /** How a suspended run ended. */
    readonly exitOfSuspended?: boolean;
    /** What a replica has used. */
    readonly samples?: boolean;
    /** Whether an image could be pulled. */
    readonly offers?: boolean;
  };
  /** Within how many milliseconds the engine itself tells of an end; absent: 5,000. */
  readonly tellsWithinMs?: number;
  /** Within how many seconds a stubborn workload is gone that was told to end in two; absent: 9. */
  readonly endsWithinSeconds?: number;
  /** A node whose engine does not answer. */
  readonly away: NodeTarget;
  /**
   * Makes a workload that does so. `speaks` writes the value of the variable GREETING in two lines and goes on; `fails`
   * ends with code 3, and `ends` with code 0; `unwell` runs, and the health check that its spec has never passes.
   */
  scripted(script: Script, spec: WorkloadSpec): WorkloadSpec;
  kill(replicaId: string): Promise<void>;
  /** Removes the container as if by hand. */
  vanish(replicaId: string): Promise<void>;
  /**
   * Makes something that looks almost like a workload of this deployment and replica but is not ours. Gives a check
   * that it still runs.
   */
  decoy(spec: WorkloadSpec): Promise<() => Promise<boolean>>;
  close(): Promise<void>;
}

export const someResources = (over: Partial<Resources> = {}): Resources => ({
  cpuCores: 0.5,
  memoryMb: 64,
  gpuUnits: 0,
  storageGb: 1,
  ...over,
});

/** All workloads of a file have one owner unless they say otherwise. */
const OWNER_ID = randomUUID();

export const aSpec = (over: Partial<WorkloadSpec> = {}): WorkloadSpec => ({
  replicaId: randomUUID(),
  deploymentId: randomUUID(),
  deploymentName: 'contract',
  ownerId: OWNER_ID,
  generation: 1,
  image: 'contract:1',
  command: null,
  env: {},
  ports: [],
  healthCheck: null,
  labels: {},
  resources: someResources(),
  ...over,
});
