import type { ContainerSpec, PortSpec } from '../engines/container-spec';
import type { EngineInfo } from '../engines/engine-info';
import type { NodeTarget } from '../engines/node-target';
import type { EngineTraits, RuntimeKind } from '../engines/runtime-kinds';

/** Everything an engine needs to run one replica. */
export interface WorkloadSpec extends ContainerSpec {
  readonly replicaId: string;
  readonly deploymentId: string;
  readonly deploymentName: string;
  readonly generation: number;
  readonly labels: Readonly<Record<string, string>>;
}

/** `starting`: exists, but does not run yet or has not passed its health check. `exited`: exists and has ended. */
export type WorkloadPhase = 'starting' | 'running' | 'unhealthy' | 'exited';

export interface PublishedPort extends PortSpec {
  readonly hostIp: string;
  readonly hostPort: number;
}

/** What an engine showed of one workload. */
export interface ObservedWorkload {
  readonly replicaId: string;
  readonly deploymentId: string;
  readonly containerId: string;
  readonly phase: WorkloadPhase;
  readonly startedAt: Date | null;
  readonly exitCode: number | null;
  /** In words for people, such as `Out of memory (limit 512 MB)` or `Exited with code 1`; null while all is well. */
  readonly reason: string | null;
  readonly publishedPorts: readonly PublishedPort[];
}

export interface EnsureOptions {
  /** Aborts the wait and, between two engine calls, the work: nothing is created or started after the abort. */
  readonly signal: AbortSignal;
  /** Called with words such as `Pulling image nginx:1.27: 34 of 80 MB`. */
  readonly onProgress: (words: string) => void;
  /** The `startedAt` that a suspended workload showed: if its last run is that one, it is started again. */
  readonly resumeRunAt?: Date | null;
}

/** How much of a log is wanted: the last `tailLines` lines, as long as they take at most `maxBytes` together. */
export interface LogLimits {
  readonly tailLines: number;
  readonly maxBytes: number;
}

export interface WorkloadLog {
  /** The lines of both streams, oldest first, each at most 4 kB; empty when nothing was written. */
  readonly lines: readonly string[];
  /** True when older ones of the last `tailLines` are missing because of `maxBytes`. */
  readonly cut: boolean;
}

/** The options of `suspend` and `remove`. */
export interface StopOptions {
  /** The time between SIGTERM and SIGKILL. A second call never makes a stop that is under way take longer. */
  readonly graceSeconds: number;
  readonly signal: AbortSignal;
}

/** An engine that comes with the machine of this process. If its kind is the active one, the program registers it as a node. */
export interface LocalEngine {
  /** What people call it: `Docker Engine`. */
  readonly name: string;
  /** Where it is looked for, in a form fit for start-up output and logs. */
  readonly address: string;
  readonly target: NodeTarget;
  /** What the user can do about an engine that failed with this error; null when there is nothing to say. */
  readonly adviceOn: (error: DriverError) => string | null;
}

/**
 * One kind of container engine. Contract, checked by test/contract/runtime-driver.contract.ts for every driver:
 * - identity is `replicaId`, a label on the workload beside the installation id: `ensure` twice leaves one workload,
 *   `remove` of an absent one succeeds, workloads of others are never listed and never touched;
 * - a workload that has exited is not started again by `ensure`: the caller removes it and asks for a new replica. The one
 *   exception is `resumeRunAt`: it starts a workload whose ended run is the one named there, and no other, so that asking
 *   twice does not restart what has failed since. Host ports may be others then;
 * - `suspend` stops a workload and keeps it; it resolves when the engine shows that it does not run, or that it is absent;
 * - calls are requests, not proofs: only `list` and `find` say what is there;
 * - `list` gives every workload of this installation on the node (or of one deployment), completely, or it throws;
 * - `find` gives null only when the engine itself says that this workload does not exist;
 * - `remove` resolves when the engine has confirmed that the workload is gone;
 * - every failure is a DriverError whose message is fit for users: no address, path or secret in it;
 * - a driver is never called inside a transaction.
 */
export abstract class RuntimeDriver {
  abstract readonly kind: RuntimeKind;
  abstract readonly traits: EngineTraits;
  /** Null when engines of this kind do not come with a machine, so that people register all nodes of this kind. */
  abstract readonly localEngine: LocalEngine | null;
  /** Throws `unreachable` when the engine does not answer within a few seconds. */
  abstract info(target: NodeTarget, signal: AbortSignal): Promise<EngineInfo>;
  abstract ensure(target: NodeTarget, spec: WorkloadSpec, options: EnsureOptions): Promise<void>;
  abstract suspend(target: NodeTarget, replicaId: string, options: StopOptions): Promise<void>;
  abstract remove(target: NodeTarget, replicaId: string, options: StopOptions): Promise<void>;
  abstract list(target: NodeTarget, filter: { deploymentId?: string }, signal: AbortSignal): Promise<readonly ObservedWorkload[]>;
  abstract find(target: NodeTarget, replicaId: string, signal: AbortSignal): Promise<ObservedWorkload | null>;
  /**
   * Whether a workload with this image could be created now: the engine has it or can get it. Throws when that cannot be found
   * out.
   */
  abstract offersImage(target: NodeTarget, image: string, signal: AbortSignal): Promise<boolean>;
  /** The last lines that the workload wrote. Memory use depends on `limits` only, however much was written. */
  abstract logs(target: NodeTarget, replicaId: string, limits: LogLimits, signal: AbortSignal): Promise<WorkloadLog>;
  /**
   * Calls `onChange` whenever a workload of this installation may have changed. Resolves on abort and throws when the stream
   * breaks.
   */
  abstract watch(
    target: NodeTarget,
    onChange: (change: { deploymentId: string; replicaId: string }) => void,
    signal: AbortSignal,
  ): Promise<void>;
  /** Closes the connections that the driver keeps. */
  abstract close(): void;
}

export type DriverFailure = 'unreachable' | 'rejected' | 'image_unavailable' | 'timeout' | 'aborted';

export class DriverError extends Error {
  constructor(
    readonly failure: DriverFailure,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'DriverError';
  }

  /** False for `rejected`, which would fail the same way next time; the other reasons may not. */
  get retryable(): boolean {
    return this.failure !== 'rejected';
  }
}
