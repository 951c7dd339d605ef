import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import type { ContainerCreateOptions, ContainerInfo, ContainerInspectInfo } from 'dockerode';
import { DriverError, type LogLimits, type WorkloadLog } from '../runtime-driver';
import { dialStream } from './dial';
import { isAlreadySo, isConflict, isNameInUse, isNoSuchContainer, isNoSuchImage } from './docker-errors';
import { LABEL, labelFilters } from './docker-labels';
import { engineCall, type CallOptions } from './engine-call';
import { isRecord } from './json-lines';
import { logLines } from './log-lines';

export type Creation = { readonly kind: 'created'; readonly id: string } | { readonly kind: 'no_such_image' | 'name_in_use' };

const READ_MS = 10_000;
const WRITE_MS = 60_000;
const SETTLE_MS = 5_000;

/** The calls to one engine under one signal. Each puts Docker's unusual answers into words. */
export class DockerEngine {
  constructor(
    readonly client: Docker,
    private readonly signal: AbortSignal,
    private readonly installationId: string,
  ) {}

  async info(timeoutMs: number): Promise<Record<string, unknown>> {
    const client: { info(options: { abortSignal: AbortSignal }): Promise<unknown> } = this.client;
    const answer = await this.call({ doing: 'tell of itself', timeoutMs }, (abortSignal) => client.info({ abortSignal }));
    if (isRecord(answer) && typeof answer.ServerVersion === 'string' && Number(answer.NCPU) > 0) return answer;
    throw new DriverError('timeout', 'What answers is not a container engine');
  }

  /** Our containers only, in every state. The labels are compared again here, in case an engine or a proxy ignores filters. */
  async containers(wanted: { deploymentId?: string; replicaId?: string }): Promise<ContainerInfo[]> {
    const label = labelFilters({ ...wanted, installationId: this.installationId });
    const answer: unknown = await this.call({ doing: 'list the containers', timeoutMs: READ_MS }, (abortSignal) =>
      this.client.listContainers({ all: true, filters: { label }, abortSignal }),
    );
    if (!Array.isArray(answer)) throw new DriverError('timeout', 'The engine gave an incomplete list of containers');
    return (answer as ContainerInfo[]).filter((container) => {
      const labels = (container.Labels as Record<string, string> | undefined) ?? {};
      return labels[LABEL.replica] !== undefined && label.every((pair) => pair === `${keyOf(pair)}=${labels[keyOf(pair)] ?? ''}`);
    });
  }

  /** Null only when the engine says that it knows no such container. */
  inspect(idOrName: string): Promise<ContainerInspectInfo | null> {
    return this.call<ContainerInspectInfo | null>(
      { doing: 'inspect the container', timeoutMs: READ_MS },
      (abortSignal) => this.client.getContainer(idOrName).inspect({ abortSignal }),
      [[isNoSuchContainer, null]],
    );
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
      ],
    );
  }

  start(id: string): Promise<'started' | 'gone'> {
    return this.call<'started' | 'gone'>(
      { doing: 'start the container', timeoutMs: WRITE_MS, settleMs: SETTLE_MS },
      async (abortSignal) => {
        await this.client.getContainer(id).start({ abortSignal });
        return 'started';
      },
      [
        [isAlreadySo, 'started'],
        [isNoSuchContainer, 'gone'],
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
    const none = { lines: [], cut: false };
    const query = { stdout: true, stderr: true, follow: false, tail: limits.tailLines };
    return this.call<WorkloadLog>(
      { doing: 'read the logs', timeoutMs: READ_MS },
      async (abortSignal) => logLines(await dialStream(this.client, { path: `/containers/${id}/logs`, query, abortSignal }), limits),
      [
        [isNoSuchContainer, none],
        [isConflict, none],
      ],
    );
  }

  /** The lifecycle events of our containers. Only those named here, because health checks also make one event per probe. */
  events(): Promise<Readable> {
    const filters = JSON.stringify({
      type: ['container'],
      label: labelFilters({ installationId: this.installationId }),
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
