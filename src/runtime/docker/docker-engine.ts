import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import type { ContainerCreateOptions, ContainerInfo, ContainerInspectInfo } from 'dockerode';
import { DriverError, type FollowOptions, type LogLimits, type WorkloadLog } from '../runtime-driver';
import { dial, dialStream } from './dial';
import {
  isAlreadySo,
  isConflict,
  isNameInUse,
  isNoStorageLimit,
  isNoSuchContainer,
  isNoSuchImage,
  isNoSuchNetwork,
  isNoSuchVolume,
} from './docker-errors';
import { LABEL, labelFilters } from './docker-labels';
import type { CallOptions } from '../bounded-call';
import { engineCall } from './engine-call';
import { isRecord } from './json-lines';
import { logLines } from './log-lines';
import { nodeImage, type NodeImage } from './node-image';
import type { SharedLists } from './shared-lists';

export type Creation =
  { readonly kind: 'created'; readonly id: string } | { readonly kind: 'no_such_image' | 'name_in_use' | 'no_storage_limit' };
export type Start = 'started' | 'gone' | 'no_network';

const READ_MS = 10_000;
const WRITE_MS = 60_000;
const SETTLE_MS = 5_000;

/** The calls to one engine under one signal. Each puts Docker's unusual answers into words. */
export class DockerEngine {
  constructor(
    readonly client: Docker,
    private readonly signal: AbortSignal,
    private readonly ours: { readonly installationId: string; readonly lists: SharedLists },
  ) {}

  async info(timeoutMs: number): Promise<Record<string, unknown>> {
    const client: { info(options: { abortSignal: AbortSignal }): Promise<unknown> } = this.client;
    const answer = await this.call({ doing: 'tell of itself', timeoutMs }, (abortSignal) => client.info({ abortSignal }));
    if (isRecord(answer) && typeof answer.ServerVersion === 'string' && Number(answer.NCPU) > 0) return answer;
    throw new DriverError('timeout', 'What answers is not a container engine');
  }

  /** Our containers only, in every state. The labels are compared again here, as a shared list has more, and an engine or a proxy may ignore filters. */
  async containers(wanted: { deploymentId?: string; replicaId?: string }): Promise<ContainerInfo[]> {
    const label = labelFilters({ ...wanted, installationId: this.ours.installationId });
    const answer = await this.call({ doing: 'list the containers', timeoutMs: READ_MS }, (signal) =>
      this.ours.lists.ask(this.client, { labels: label, signal }),
    );
    if (!Array.isArray(answer)) throw new DriverError('timeout', 'The engine gave an incomplete list of containers');
    return (answer as ContainerInfo[]).filter((container) => {
      const labels = (container.Labels as Record<string, string> | undefined) ?? {};
      return labels[LABEL.replica] !== undefined && label.every((pair) => pair === `${keyOf(pair)}=${labels[keyOf(pair)] ?? ''}`);
    });
  }

  /** The volumes among these to which our containers that run write, but for that of one replica. */
  async writtenVolumes(names: readonly string[], replicaId: string): Promise<ReadonlySet<string>> {
    const label = labelFilters({ installationId: this.ours.installationId });
    const filters = JSON.stringify({ volume: names, label });
    const answer: unknown = await this.call({ doing: 'list the containers with a volume', timeoutMs: READ_MS }, (abortSignal) =>
      this.client.listContainers({ filters, abortSignal }),
    );
    if (!Array.isArray(answer)) throw new DriverError('timeout', 'The engine gave an incomplete list of containers');
    const others = (answer as ContainerInfo[]).filter(({ Labels: labels }) => labels[LABEL.replica] !== replicaId);
    const mounts = others.flatMap((container) => (container.Mounts as ContainerInfo['Mounts'] | undefined) ?? []);
    return new Set(
      mounts.flatMap(({ Name: name, RW: isWritten }) => (name !== undefined && isWritten && names.includes(name) ? [name] : [])),
    );
  }

  /** Null only when the engine says that it knows no such container. */
  inspect(idOrName: string): Promise<ContainerInspectInfo | null> {
    return this.call<ContainerInspectInfo | null>(
      { doing: 'inspect the container', timeoutMs: READ_MS },
      (abortSignal) => this.client.getContainer(idOrName).inspect({ abortSignal }),
      [[isNoSuchContainer, null]],
    );
  }

  /** Null only when the engine says that it knows no such image. */
  async image(reference: string): Promise<NodeImage | null> {
    const description = await this.call<unknown>(
      { doing: 'look for the image', timeoutMs: READ_MS },
      (abortSignal) => dial(this.client, { path: `/images/${reference}/json`, abortSignal }),
      [[isNoSuchImage, null]],
    );
    if (description === null) return null;
    if (!isRecord(description)) throw new DriverError('timeout', 'The engine gave an incomplete description of the image');
    return nodeImage(description);
  }

  /** Gives an image the name `repository:tag`, or makes the name newer that it has. */
  async tagImage(id: string, name: string): Promise<void> {
    const colon = name.lastIndexOf(':');
    const as = { repo: name.slice(0, colon), tag: name.slice(colon + 1) };
    await this.call({ doing: 'mark the image', timeoutMs: READ_MS }, (abortSignal) => this.client.getImage(id).tag({ ...as, abortSignal }));
  }

  /** Removes one name of an image, and the image with its last name. Resolves to false while a container uses it. */
  removeImage(name: string): Promise<boolean> {
    return this.call<boolean>(
      { doing: 'remove the image', timeoutMs: WRITE_MS },
      async (abortSignal) => {
        await this.client.getImage(name).remove({ abortSignal });
        return true;
      },
      [
        [isNoSuchImage, true],
        [isConflict, false],
      ],
    );
  }

  /** The ids of the images with a tag in this repository. */
  async imagesTagged(repository: string): Promise<string[]> {
    const answer: unknown = await this.call({ doing: 'list the images', timeoutMs: READ_MS }, (abortSignal) =>
      this.client.listImages({ filters: JSON.stringify({ reference: [repository] }), abortSignal }),
    );
    return Array.isArray(answer) ? [...new Set(answer.filter(isRecord).map(({ Id: id }) => String(id)))] : [];
  }

  /** The ids of the images of all containers, foreign ones included. */
  async imagesInUse(): Promise<ReadonlySet<string>> {
    const answer: unknown = await this.call({ doing: 'list the containers', timeoutMs: READ_MS }, (abortSignal) =>
      this.client.listContainers({ all: true, abortSignal }),
    );
    if (!Array.isArray(answer)) throw new DriverError('timeout', 'The engine gave an incomplete list of containers');
    return new Set((answer as ContainerInfo[]).map(({ ImageID: id }) => id));
  }

  /** The time by the engine's clock. */
  async now(): Promise<Date> {
    const now = new Date(String((await this.info(READ_MS)).SystemTime));
    if (Number.isNaN(now.getTime())) throw new DriverError('timeout', 'The engine does not tell its time');
    return now;
  }

  /** Removes volumes of our containers that no container uses any more. */
  async removeLeftVolumes(): Promise<void> {
    const filters = JSON.stringify({ dangling: ['true'], label: labelFilters({ installationId: this.ours.installationId }) });
    const answer: unknown = await this.call({ doing: 'list the volumes', timeoutMs: READ_MS }, (abortSignal) =>
      this.client.listVolumes({ filters, abortSignal }),
    );
    const volumes = isRecord(answer) && Array.isArray(answer.Volumes) ? answer.Volumes.filter(isRecord) : [];
    for (const { Name: name } of volumes) {
      await this.call<unknown>(
        { doing: 'remove a volume', timeoutMs: WRITE_MS },
        (abortSignal) => this.client.getVolume(String(name)).remove({ abortSignal }),
        [
          [isConflict, null],
          [isNoSuchVolume, null],
        ],
      );
    }
  }

  /**
   * Once begun it is finished even after an abort. The payload goes into the body only: the client would write it into the URL
   * as well, with all environment values.
   */
  create({ name, ...body }: ContainerCreateOptions & { name: string }): Promise<Creation> {
    return this.call<Creation>(
      { doing: 'create the container', timeoutMs: WRITE_MS, settleMs: SETTLE_MS },
      async (abortSignal) => {
        const options = { _query: { name }, _body: body, abortSignal };
        return { kind: 'created', id: (await this.client.createContainer(options)).id };
      },
      [
        [isNoSuchImage, { kind: 'no_such_image' }],
        [isNameInUse, { kind: 'name_in_use' }],
        [isNoStorageLimit, { kind: 'no_storage_limit' }],
      ],
    );
  }

  start(id: string): Promise<Start> {
    return this.call<Start>(
      { doing: 'start the container', timeoutMs: WRITE_MS, settleMs: SETTLE_MS },
      async (abortSignal) => {
        await this.client.getContainer(id).start({ abortSignal });
        return 'started';
      },
      [
        [isAlreadySo, 'started'],
        [isNoSuchContainer, 'gone'],
        [isNoSuchNetwork, 'no_network'],
      ],
    );
  }

  stop(id: string, graceSeconds: number): Promise<'stopped' | 'gone'> {
    return this.call<'stopped' | 'gone'>(
      { doing: 'stop the container', timeoutMs: graceSeconds * 1000 + READ_MS },
      async (abortSignal) => {
        await this.client.getContainer(id).stop({ t: graceSeconds, abortSignal });
        return 'stopped';
      },
      [
        [isAlreadySo, 'stopped'],
        [isNoSuchContainer, 'gone'],
      ],
    );
  }

  /** Removes the container with its anonymous volumes, running or not. `in_progress`: another removal is under way. */
  remove(id: string): Promise<'gone' | 'in_progress'> {
    return this.call<'gone' | 'in_progress'>(
      { doing: 'remove the container', timeoutMs: WRITE_MS },
      async (abortSignal) => {
        await this.client.getContainer(id).remove({ force: true, v: true, abortSignal });
        return 'gone';
      },
      [
        [isNoSuchContainer, 'gone'],
        [isConflict, 'in_progress'],
      ],
    );
  }

  /** The last lines that the container wrote; empty when there is no such container. */
  logs(id: string, limits: LogLimits): Promise<WorkloadLog> {
    const none = { lines: [], cut: false, error: null };
    const query = { stdout: true, stderr: true, follow: false, tail: limits.tailLines, ...sinceOf(limits.since ?? null) };
    return this.call<WorkloadLog>(
      { doing: 'read the logs', timeoutMs: READ_MS },
      async (abortSignal) => logLines(await dialStream(this.client, { path: `/containers/${id}/logs`, query, abortSignal }), limits),
      [
        [isNoSuchContainer, none],
        [isConflict, none],
      ],
    );
  }

  /** The log with time stamps as the engine sends it, and goes on to send it; null when there is no such container. */
  followed(id: string, { since, tailLines }: Pick<FollowOptions, 'since' | 'tailLines'>): Promise<Readable | null> {
    const query = { stdout: true, stderr: true, follow: true, timestamps: true, tail: tailLines ?? 'all', ...sinceOf(since) };
    return this.call<Readable | null>(
      { doing: 'read the logs', timeoutMs: READ_MS },
      (abortSignal) => dialStream(this.client, { path: `/containers/${id}/logs`, query, abortSignal }),
      [
        [isNoSuchContainer, null],
        [isConflict, null],
      ],
    );
  }

  /** What the engine measures of the container, once and without waiting for a second measure; null when there is none. */
  stats(id: string): Promise<unknown> {
    return this.call<unknown>(
      { doing: 'measure the container', timeoutMs: READ_MS },
      (abortSignal) => dial(this.client, { path: `/containers/${id}/stats`, query: { stream: false, 'one-shot': true }, abortSignal }),
      [
        [isNoSuchContainer, null],
        [isConflict, null],
      ],
    );
  }

  /** The lifecycle events of our containers. Only those named here, because health checks also make one event per probe. */
  events(): Promise<Readable> {
    const filters = JSON.stringify({
      type: ['container'],
      label: labelFilters({ installationId: this.ours.installationId }),
      event: ['create', 'start', 'die', 'oom', 'destroy', 'health_status', 'pause', 'unpause'],
    });
    return this.call({ doing: 'watch the containers', timeoutMs: READ_MS }, async (abortSignal) => {
      const options = { filters, abortSignal };
      return (await this.client.getEvents(options)) as Readable;
    });
  }

  /** `known` maps errors that are answers in truth to their meaning. */
  private async call<T>(
    limits: Pick<CallOptions, 'doing' | 'timeoutMs' | 'settleMs'>,
    work: (abortSignal: AbortSignal) => Promise<T>,
    known: readonly (readonly [(error: unknown) => boolean, T])[] = [],
  ): Promise<T> {
    const meaningOf = (error: unknown): readonly [unknown, T] | undefined => known.find(([matches]) => matches(error));
    try {
      return await engineCall({ ...limits, signal: this.signal, unless: (error) => meaningOf(error) !== undefined }, work);
    } catch (error) {
      const meaning = meaningOf(error);
      if (meaning === undefined) throw error;
      return meaning[1];
    }
  }
}

const keyOf = (pair: string): string => pair.slice(0, pair.indexOf('='));

/** The engine takes the seconds since 1970 with nine digits behind the point. */
const sinceOf = (time: string | null): { since?: string } =>
  time === null ? {} : { since: `${String(Date.parse(`${time.slice(0, 19)}Z`) / 1000)}.${time.slice(20, 29)}` };
