import type { ContainerInfo } from 'dockerode';
import type { NodeTarget } from '../../engines/node-target';
import { ENGINE_TRAITS } from '../../engines/runtime-kinds';
import {
  DriverError,
  RuntimeDriver,
  type EnsureOptions,
  type FollowOptions,
  type LocalEngine,
  type LogLimits,
  type LogLine,
  type ObservedWorkload,
  type StopOptions,
  type WorkloadLog,
  type WorkloadSample,
  type WantedImage,
  type WorkloadSpec,
} from '../runtime-driver';
import { AfterFirst } from './after-first';
import { containerPayload } from './container-payload';
import { toSample } from './container-sample';
import { DockerEngine } from './docker-engine';
import type { DockerEngines } from './docker-engines';
import { ensureContainer } from './docker-ensure';
import { toDriverError } from './docker-errors';
import { LABEL, labelFilters } from './docker-labels';
import { suspendContainers } from './docker-suspend';
import { removeContainers } from './docker-removal';
import { EngineIdentities } from '../engine-identities';
import { EngineNetworks } from './engine-networks';
import { toEngineInfo, type DockerEngineInfo } from './engine-info';
import { offersImage } from './image-offer';
import { followedLines } from './followed-lines';
import { Images, type ImageRules } from './images';
import { ImageTidying } from './image-tidying';
import { jsonLines, recordAt } from './json-lines';
import { localDockerEngine } from './local-engine';
import { fromInspection, fromList } from './observe';
import { ensureNetwork, ownerNetwork, removeIdleNetworks, type NetworkSettings, type OwnerNetwork } from './owner-network';
import { DockerVolumes, makeVolumes, requireOnlyWriter } from './docker-volumes';
import { SeenIsolation } from './seen-isolation';
import { SharedLists } from './shared-lists';
import { VolumeCalls } from './volume-calls';

const INFO_MS = 4_000;

export interface DockerDriverOptions {
  readonly installationId: string;
  readonly publishAddress: string;
  readonly images: ImageRules;
  readonly imageKeepHours: number;
  /** Capabilities of containers beyond those that all have. */
  readonly extraCapabilities: readonly string[];
  /** Files that a process may have open; 0 is what the engine gives by itself. */
  readonly openFiles: number;
  readonly networks: NetworkSettings;
}

const TOO_LATE = /took too long/;

/** Runs containers on Docker Engines: that of this machine, and those whose endpoint a node names. */
export class DockerDriver extends RuntimeDriver {
  readonly kind = 'docker';
  readonly traits = ENGINE_TRAITS.docker;
  readonly localEngine: LocalEngine;
  override readonly volumes: DockerVolumes;
  private readonly identities = new EngineIdentities();
  private readonly isolation = new SeenIsolation();
  private readonly networksInMaking = new AfterFirst();
  /** The networks that were there when they were last looked for, by node and name. */
  private readonly knownNetworks = new Set<string>();
  private readonly lists: SharedLists;
  private readonly images: Images;
  private readonly tidying: ImageTidying;

  constructor(
    private readonly engines: DockerEngines,
    private readonly options: DockerDriverOptions,
  ) {
    super();
    this.localEngine = localDockerEngine(engines.localAddress, engines.isGiven);
    this.lists = new SharedLists(labelFilters({ installationId: options.installationId }));
    this.images = new Images(options.installationId, options.images);
    this.tidying = new ImageTidying(options);
    this.volumes = new DockerVolumes(options.installationId, async (target, signal) => {
      await this.engine(target, signal);
      return this.volumeCalls(target, signal);
    });
  }

  async info(target: NodeTarget, signal: AbortSignal): Promise<DockerEngineInfo> {
    try {
      const asked = performance.now();
      const info = await toEngineInfo(await this.unchecked(target, signal).info(INFO_MS), this.engines.isLocal(target));
      this.identities.confirm(target, info.engineId, asked);
      return { ...info, isolation: this.isolation.note(target, info.isolation) };
    } catch (error) {
      if (!(error instanceof DriverError) || error.failure !== 'timeout') throw error;
      const words = TOO_LATE.test(error.message) ? 'The engine of this node does not answer' : error.message;
      throw new DriverError('unreachable', words, { cause: error });
    }
  }

  async ensure(
    target: NodeTarget,
    spec: WorkloadSpec,
    { signal, onProgress, resumeRunAt = null, chooseDigest }: EnsureOptions,
  ): Promise<void> {
    if (spec.ports.length > 0 && !this.options.networks.outgoing) {
      throw new DriverError(
        'rejected',
        'Ports cannot be published, because containers have no traffic with the outside (CONTAINER_OUTGOING_TRAFFIC)',
      );
    }
    const engine = await this.engine(target, signal);
    const network = ownerNetwork(this.options.installationId, spec.ownerId, this.options.networks);
    const isolation = this.isolation.of(target) ?? (await this.info(target, signal)).isolation;
    let imageDigest = spec.imageDigest ?? null;
    const choose = chooseDigest && (async (seen: string): Promise<string> => (imageDigest = await chooseDigest(seen)));
    await ensureContainer(engine, spec, {
      resumeRunAt,
      image: () => this.images.ensure(engine, { node: target, spec, signal, onProgress, ...(choose ? { chooseDigest: choose } : {}) }),
      payload: (image) =>
        containerPayload(
          { ...spec, imageDigest },
          { ...this.options, isolation, ociRuntime: target.ociRuntime ?? null, network: network.name },
          image,
        ),
      volumes: () => makeVolumes(this.volumeCalls(target, signal), spec.volumes ?? [], this.options.installationId),
      requireOnlyWriter: () => requireOnlyWriter(engine, spec),
      network: (again) => this.ensureNetwork(target, network, { signal, again }),
      onStorageLimit: (enforced) => this.isolation.storageLimitSeen(target, enforced),
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
      const workload = fromList(container) ?? (await this.inspect(engine, container));
      if (workload !== null) observed.push(workload);
    }
    return observed;
  }

  async find(target: NodeTarget, replicaId: string, signal: AbortSignal): Promise<ObservedWorkload | null> {
    const engine = await this.engine(target, signal);
    const [container] = await engine.containers({ replicaId });
    return container === undefined ? null : this.inspect(engine, container);
  }

  async offersImage(target: NodeTarget, wanted: WantedImage, signal: AbortSignal): Promise<boolean> {
    try {
      const { client } = await this.engine(target, signal);
      return await offersImage(client, wanted, { signal, registries: this.options.images.registries });
    } catch (error) {
      throw toDriverError(error, 'look for the image');
    }
  }

  async logs(target: NodeTarget, replicaId: string, limits: LogLimits, signal: AbortSignal): Promise<WorkloadLog> {
    const engine = await this.engine(target, signal);
    const [container] = await engine.containers({ replicaId });
    return container === undefined ? { lines: [], cut: false, error: null } : engine.logs(container.Id, limits);
  }

  async follow(target: NodeTarget, replicaId: string, options: FollowOptions): Promise<AsyncIterable<LogLine> | null> {
    const engine = await this.engine(target, options.signal);
    const [container] = await engine.containers({ replicaId });
    const stream = container === undefined ? null : await engine.followed(container.Id, options);
    return stream === null ? null : followedLines(stream, options.signal);
  }

  async sample(target: NodeTarget, replicaId: string, signal: AbortSignal): Promise<WorkloadSample | null> {
    const engine = await this.engine(target, signal);
    const [container] = await engine.containers({ replicaId });
    return container === undefined ? null : toSample(await engine.stats(container.Id));
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

  async tidy(target: NodeTarget, signal: AbortSignal): Promise<void> {
    const engine = await this.engine(target, signal);
    await removeIdleNetworks(this.networks(target, signal), async () => {
      const containers = await engine.containers({});
      return new Set(containers.flatMap(({ Labels: labels }) => labels[LABEL.owner] ?? []));
    });
    await this.tidying.tidy(engine, target.id);
  }

  close(): void {
    this.engines.close();
  }

  private async inspect(engine: DockerEngine, { Id: id, Status: status }: ContainerInfo): Promise<ObservedWorkload | null> {
    const container = await engine.inspect(id);
    return container === null ? null : fromInspection(container, status);
  }

  private async engine(target: NodeTarget, signal: AbortSignal): Promise<DockerEngine> {
    const engine = this.unchecked(target, signal);
    await this.identities.require(target, () => this.info(target, signal));
    return engine;
  }

  /** Looks for the network only once, and `again` when the engine has missed it: a list of networks for each start costs more. */
  private async ensureNetwork(
    target: NodeTarget,
    network: OwnerNetwork,
    { signal, again }: { readonly signal: AbortSignal; readonly again: boolean },
  ): Promise<void> {
    const key = `${target.id} ${network.name}`;
    if (!again && this.knownNetworks.has(key)) return;
    await this.networksInMaking.run(key, () => ensureNetwork(this.networks(target, signal), network, signal));
    this.knownNetworks.add(key);
  }

  private networks(target: NodeTarget, signal: AbortSignal): EngineNetworks {
    return new EngineNetworks(this.engines.clientFor(target), signal, this.options.installationId);
  }

  private volumeCalls(target: NodeTarget, signal: AbortSignal): VolumeCalls {
    return new VolumeCalls(this.engines.clientFor(target), signal);
  }

  private unchecked(target: NodeTarget, signal: AbortSignal): DockerEngine {
    const { installationId } = this.options;
    return new DockerEngine(this.engines.clientFor(target), signal, { installationId, lists: this.lists });
  }
}
