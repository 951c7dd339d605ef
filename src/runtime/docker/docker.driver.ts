import type { EngineInfo } from '../../engines/engine-info';
import type { NodeTarget } from '../../engines/node-target';
import { ENGINE_TRAITS } from '../../engines/runtime-kinds';
import {
  DriverError,
  RuntimeDriver,
  type EnsureOptions,
  type LocalEngine,
  type LogLimits,
  type ObservedWorkload,
  type StopOptions,
  type WorkloadLog,
  type WorkloadSpec,
} from '../runtime-driver';
import { containerPayload } from './container-payload';
import { DockerEngine } from './docker-engine';
import type { DockerEngines } from './docker-engines';
import { ensureContainer } from './docker-ensure';
import { toDriverError } from './docker-errors';
import { LABEL } from './docker-labels';
import { suspendContainers } from './docker-suspend';
import { removeContainers } from './docker-removal';
import { EngineIdentities } from './engine-identities';
import { toEngineInfo } from './engine-info';
import { offersImage } from './image-offer';
import { pullImage } from './image-pull';
import { jsonLines, recordAt } from './json-lines';
import { localDockerEngine } from './local-engine';
import { fromInspection, fromList } from './observe';

const INFO_MS = 4_000;

export interface DockerDriverOptions {
  readonly installationId: string;
  readonly publishAddress: string;
  readonly pullTimeoutSeconds: number;
}

/** Runs containers on Docker Engines: that of this machine, and those whose endpoint a node names. */
export class DockerDriver extends RuntimeDriver {
  readonly kind = 'docker';
  readonly traits = ENGINE_TRAITS.docker;
  readonly localEngine: LocalEngine;
  private readonly identities = new EngineIdentities();

  constructor(
    private readonly engines: DockerEngines,
    private readonly options: DockerDriverOptions,
  ) {
    super();
    this.localEngine = localDockerEngine(engines.localAddress);
  }

  async info(target: NodeTarget, signal: AbortSignal): Promise<EngineInfo> {
    try {
      return await toEngineInfo(await this.unchecked(target, signal).info(INFO_MS), this.engines.isLocal(target));
    } catch (error) {
      if (!(error instanceof DriverError) || error.failure !== 'timeout') throw error;
      throw new DriverError('unreachable', 'The engine of this node does not answer', { cause: error });
    }
  }

  async ensure(target: NodeTarget, spec: WorkloadSpec, { signal, onProgress, resumeRunAt = null }: EnsureOptions): Promise<void> {
    const engine = await this.engine(target, signal);
    await ensureContainer(engine, spec, {
      resumeRunAt,
      payload: containerPayload(spec, this.options),
      pull: () => pullImage(engine.client, spec.image, { signal, onProgress, timeoutSeconds: this.options.pullTimeoutSeconds }),
    });
  }

  async suspend(target: NodeTarget, replicaId: string, options: StopOptions): Promise<void> {
    await suspendContainers(await this.engine(target, options.signal), { ...options, replicaId });
  }

  async remove(target: NodeTarget, replicaId: string, options: StopOptions): Promise<void> {
    await removeContainers(await this.engine(target, options.signal), { ...options, replicaId });
  }

  /** Needs one call for a node on which all is well; containers that have ended are inspected one by one. */
  async list(target: NodeTarget, filter: { deploymentId?: string }, signal: AbortSignal): Promise<readonly ObservedWorkload[]> {
    const engine = await this.engine(target, signal);
    const observed: ObservedWorkload[] = [];
    for (const container of await engine.containers(filter)) {
      const workload = fromList(container) ?? (await this.inspect(engine, container.Id));
      if (workload !== null) observed.push(workload);
    }
    return observed;
  }

  async find(target: NodeTarget, replicaId: string, signal: AbortSignal): Promise<ObservedWorkload | null> {
    const engine = await this.engine(target, signal);
    const [container] = await engine.containers({ replicaId });
    return container === undefined ? null : this.inspect(engine, container.Id);
  }

  async offersImage(target: NodeTarget, image: string, signal: AbortSignal): Promise<boolean> {
    try {
      return await offersImage((await this.engine(target, signal)).client, image, signal);
    } catch (error) {
      throw toDriverError(error, 'look for the image');
    }
  }

  async logs(target: NodeTarget, replicaId: string, limits: LogLimits, signal: AbortSignal): Promise<WorkloadLog> {
    const engine = await this.engine(target, signal);
    const [container] = await engine.containers({ replicaId });
    return container === undefined ? { lines: [], cut: false } : engine.logs(container.Id, limits);
  }

  async watch(
    target: NodeTarget,
    onChange: (change: { deploymentId: string; replicaId: string }) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const ended = (): boolean => signal.aborted;
    if (ended()) return;
    try {
      const stream = await (await this.engine(target, signal)).events();
      const stop = (): void => void stream.destroy();
      signal.addEventListener('abort', stop, { once: true });
      try {
        for await (const event of jsonLines(stream)) {
          const labels = recordAt(recordAt(event, 'Actor'), 'Attributes');
          const [deploymentId, replicaId] = [labels[LABEL.deployment], labels[LABEL.replica]];
          if (typeof deploymentId === 'string' && typeof replicaId === 'string') onChange({ deploymentId, replicaId });
        }
      } finally {
        signal.removeEventListener('abort', stop);
        stop();
      }
    } catch (error) {
      if (ended()) return;
      throw toDriverError(error, 'watch the containers');
    }
    if (!ended()) throw new DriverError('unreachable', 'The engine of this node has ended its stream of events');
  }

  close(): void {
    this.engines.close();
  }

  private async inspect(engine: DockerEngine, id: string): Promise<ObservedWorkload | null> {
    const container = await engine.inspect(id);
    return container === null ? null : fromInspection(container);
  }

  private async engine(target: NodeTarget, signal: AbortSignal): Promise<DockerEngine> {
    const engine = this.unchecked(target, signal);
    await this.identities.require(target, () => this.info(target, signal));
    return engine;
  }

  private unchecked(target: NodeTarget, signal: AbortSignal): DockerEngine {
    return new DockerEngine(this.engines.clientFor(target), signal, this.options.installationId);
  }
}
