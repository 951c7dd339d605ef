import { sentences } from '../common/sentences';
import type { ContainerSpec, PortSpec, VolumeMount } from '../engines/container-spec';
import type { EngineInfo } from '../engines/engine-info';
import type { NodeTarget } from '../engines/node-target';
import type { RegistryCredential } from '../engines/registry-credential';
import type { EngineTraits, RuntimeKind } from '../engines/runtime-kinds';
import type { Entrances } from './entrances';

/** A volume that a replica mounts. Engines know it by its id. */
export interface WorkloadVolume extends VolumeMount {
  readonly id: string;
  /** The engine has had it before. If it has it no more, its data is lost, and a new one would hide that. */
  readonly wasMade: boolean;
}

/** Everything an engine needs to run one replica. */
export interface WorkloadSpec extends ContainerSpec {
  readonly replicaId: string;
  readonly deploymentId: string;
  readonly deploymentName: string;
  /**
   * The project whose deployment it is. Workloads of one owner on one engine reach each other by the names of their deployments,
   * and engines share what they have between owners.
   */
  readonly ownerId: string;
  readonly generation: number;
  readonly labels: Readonly<Record<string, string>>;
  /** The digest that all replicas of the revision run; null or absent while none is chosen. */
  readonly imageDigest?: string | null;
  /** Absent: none. */
  readonly volumes?: readonly WorkloadVolume[];
  /** For pulls of its image; null or absent: the registry is asked without any. */
  readonly registry?: RegistryCredential | null;
}

/** An image, and how it is asked for. */
export type WantedImage = Pick<WorkloadSpec, 'image' | 'registry'>;

/**
 * `starting`: exists, but does not run yet or has not passed its health check. `paused`: runs, but somebody has frozen it.
 * `exited`: exists and has ended.
 */
export type WorkloadPhase = 'starting' | 'running' | 'paused' | 'unhealthy' | 'exited';

export interface PublishedPort extends PortSpec {
  readonly hostIp: string;
  readonly hostPort: number;
}

/** What a workload tells of its making, for people and for a comparison with a revision. Null: its labels do not say. */
export interface WorkloadOrigin {
  /** Its name on the engine. */
  readonly name: string;
  readonly image: string | null;
  /** By the clock of the engine, to the second. */
  readonly createdAt: Date | null;
  readonly generation: number | null;
  /** What it is made of, as `specDigest` says. */
  readonly specDigest: string | null;
  /** The digest of its image that was chosen for its revision. */
  readonly imageDigest: string | null;
}

/** What an engine showed of one workload. */
export interface ObservedWorkload {
  readonly replicaId: string;
  readonly deploymentId: string;
  readonly containerId: string;
  readonly phase: WorkloadPhase;
  /** It has been started at least once. */
  readonly hasRun: boolean;
  /**
   * When its present or last run began, by the clock of the engine, so only for comparison with other times of this engine.
   * Null when it never ran; a list may leave it out, `find` does not.
   */
  readonly startedAt: Date | null;
  /** For how long the present run has lasted at most, in seconds, where a list tells that and not when the run began. */
  readonly upSeconds: number | null;
  readonly exitCode: number | null;
  /** In words for people, such as `Out of memory (limit 512 MB)` or `Exited with code 1`; null while all is well. */
  readonly reason: string | null;
  readonly publishedPorts: readonly PublishedPort[];
  /** The engine answers, but the machine of the workload does not: nobody knows whether it runs, and it cannot be ended now. */
  readonly outOfReach?: true;
  /** It was ended from outside a moment ago, as in the middle of a restart by hand: it may come back by itself. */
  readonly justKilled?: true;
  /** It runs, and its driver was never asked to keep it: `ensure` has to be called once, as for one that an administrator has adopted. */
  readonly unordered?: true;
  /** Absent where an engine tells nothing of it. */
  readonly origin?: WorkloadOrigin;
}

export interface EnsureOptions {
  /** Aborts the wait and, between two engine calls, the work: nothing is created or started after the abort. */
  readonly signal: AbortSignal;
  /** Called with words such as `Pulling image nginx:1.27: 34 of 80 MB`. */
  readonly onProgress: (words: string) => void;
  /** The `startedAt` that a suspended workload showed: if its last run is that one, it is started again. */
  readonly resumeRunAt?: Date | null;
  /**
   * Called with the digest that a tag has on this engine, if the engine knows of one and none is chosen. Gives the digest that has to
   * run, which another engine may have found first. Absent: whatever the engine has runs.
   */
  readonly chooseDigest?: (digest: string) => Promise<string>;
}

/** How much of a log is wanted: the last `tailLines` lines, as long as they take at most `maxBytes` together. */
export interface LogLimits {
  readonly tailLines: number;
  readonly maxBytes: number;
  /** Leaves out lines from before this time, by the clock of the engine, written as in `LogLine`. */
  readonly since?: string;
}

export interface WorkloadLog {
  /** The lines of both streams, oldest first, each at most 4 kB; empty when nothing was written. */
  readonly lines: readonly string[];
  /** True when older ones of the last `tailLines` are missing because of `maxBytes`. */
  readonly cut: boolean;
  /** Why the log could not be read to its end, in words; the lines before that are here. Null when all is well. */
  readonly error: string | null;
}

/** One line that a workload wrote. */
export interface LogLine {
  /** When the engine got it, by its clock: RFC 3339 in UTC with nine digits after the second, so that times compare as texts. */
  readonly time: string;
  readonly stream: 'stdout' | 'stderr';
  /** Without its end; at most 16 kB of it. */
  readonly line: string;
  /** The rest of a longer line is left out. */
  readonly cut: boolean;
}

export interface FollowOptions {
  /** Leaves out lines from before this time, written as in `LogLine`; null: none. */
  readonly since: string | null;
  /** How many of the lines that are there are given, the last ones; null: all. */
  readonly tailLines: number | null;
  readonly signal: AbortSignal;
}

/** What a workload has used, at one moment. Rates come from two samples of the same run. */
export interface WorkloadSample {
  readonly takenAt: Date;
  /** Processor time since its start: two cores that were busy for a second are 2. */
  readonly cpuSeconds: number;
  /** A clock of the engine's machine, to be compared with that of another sample only. */
  readonly clockSeconds: number;
  /** The cores in use, where an engine has no such counts and tells a rate of its own; the two above are 0 then. */
  readonly coresInUse?: number;
  /** In use, without what the kernel would give back at once. */
  readonly memoryUsedMb: number;
  /** Bytes since its start over all its interfaces; null when it has none of its own. */
  readonly network: { readonly rxBytes: number; readonly txBytes: number } | null;
}

/** The options of `suspend` and `remove`. */
export interface StopOptions {
  /** The time between SIGTERM and SIGKILL. A second call never makes a stop that is under way take longer. */
  readonly graceSeconds: number;
  readonly signal: AbortSignal;
  /** The container that a list has just shown for the workload, which need not be looked for again. Any other is found all the same. */
  readonly containerId?: string | undefined;
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

/** The volumes of engines that keep some. `ensure` makes them; they outlive every workload, until they are removed here. */
export interface EngineVolumes {
  /**
   * Resolves when the engine has confirmed that it is gone, with its data. For one that no workload mounts: an engine that finds a workload
   * which does throws `timeout`.
   */
  remove(target: NodeTarget, volumeId: string, signal: AbortSignal): Promise<void>;
  /** The ids of all volumes of this installation, completely, or it throws. */
  list(target: NodeTarget, signal: AbortSignal): Promise<readonly string[]>;
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
 * - `ensure` makes the volumes of a workload that are not there, and throws `rejected` for one that was there before; neither
 *   `remove` nor `tidy` touches them, and `volumes.remove` removes one for good;
 * - `ensure` throws `timeout`, and starts nothing, while another workload of this installation on the node may write to a volume to which
 *   this one would write: records know of every other one, but for those of an older database. A simulation stores nothing, and may start it;
 * - `follow` gives every line of one stream in its order, and asks the engine for more only when the reader does;
 * - every failure is a DriverError whose message is fit for users: no address, path or secret in it;
 * - a driver is never called inside a transaction.
 */
export abstract class RuntimeDriver {
  abstract readonly kind: RuntimeKind;
  abstract readonly traits: EngineTraits;
  /** Null when engines of this kind do not come with a machine, so that people register all nodes of this kind. */
  abstract readonly localEngine: LocalEngine | null;
  /** Null when engines of this kind keep no volumes. */
  readonly volumes: EngineVolumes | null = null;
  /** Null when engines of this kind lead no requests to workloads by themselves. */
  readonly entrances: Entrances | null = null;
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
  abstract offersImage(target: NodeTarget, wanted: WantedImage, signal: AbortSignal): Promise<boolean>;
  /** The last lines that the workload wrote. Memory use depends on `limits` only, however much was written. */
  abstract logs(target: NodeTarget, replicaId: string, limits: LogLimits, signal: AbortSignal): Promise<WorkloadLog>;
  /**
   * The lines of a workload as they are written, from those that are there already. Resolves once the engine has answered, to null
   * when it knows no such workload. The lines end when the workload has ended or the signal aborts, and throw when the engine breaks
   * off. Memory use does not depend on how much is written.
   */
  abstract follow(target: NodeTarget, replicaId: string, options: FollowOptions): Promise<AsyncIterable<LogLine> | null>;
  /** What the workload has used so far; null when it does not run. */
  abstract sample(target: NodeTarget, replicaId: string, signal: AbortSignal): Promise<WorkloadSample | null>;
  /**
   * Calls `onChange` whenever a workload of this installation may have changed. Resolves on abort and throws when the stream
   * breaks.
   */
  abstract watch(
    target: NodeTarget,
    onChange: (change: { deploymentId: string; replicaId: string }) => void,
    signal: AbortSignal,
  ): Promise<void>;
  /**
   * Removes what earlier workloads of this installation have left on the engine and no workload uses. What cannot be removed
   * now is left to the next call.
   */
  abstract tidy(target: NodeTarget, signal: AbortSignal): Promise<void>;
  /** Closes the connections that the driver keeps. */
  abstract close(): void;
}

/**
 * `rejected`: every engine would refuse it again. `unfit`: this engine refuses it, another one may not. `timeout`: the engine failed
 * or took too long, and nobody knows what happened.
 */
export type DriverFailure = 'unreachable' | 'rejected' | 'unfit' | 'image_unavailable' | 'timeout' | 'aborted';

export class DriverError extends Error {
  /** The message, with what only administrators may know. */
  readonly wordsForAdministrators: string;

  constructor(
    readonly failure: DriverFailure,
    message: string,
    options: ErrorOptions & { readonly forAdministrators?: string | null } = {},
  ) {
    super(message, options);
    this.name = 'DriverError';
    this.wordsForAdministrators = sentences(message, options.forAdministrators) ?? message;
  }

  /** False for `rejected`, which would fail the same way next time; the other reasons may not. */
  get retryable(): boolean {
    return this.failure !== 'rejected';
  }
}
