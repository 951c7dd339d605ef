import type Docker from 'dockerode';
import type { NetworkInspectInfo } from 'dockerode';
import { DriverError } from '../runtime-driver';
import { engineAnswer } from './docker-errors';
import { LABEL } from './docker-labels';
import { engineCall } from './engine-call';

const READ_MS = 10_000;
const WRITE_MS = 60_000;
const SETTLE_MS = 5_000;

/** A network to be made. The installation is added to its labels. */
export interface NetworkOrder {
  readonly name: string;
  readonly subnet: string;
  readonly internal: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly options: Readonly<Record<string, string>>;
}

/** Any network of an engine, ours or not. */
interface PresentNetwork {
  readonly name: string;
  readonly subnets: readonly string[];
  readonly options: Readonly<Record<string, string>>;
}

/** The networks of one engine under one signal. Networks are ours by their labels; no other is ever removed. */
export class EngineNetworks {
  constructor(
    private readonly client: Docker,
    private readonly signal: AbortSignal,
    private readonly installationId: string,
  ) {}

  /** Whether there is a network of ours with this name. */
  async isOurs(name: string): Promise<boolean> {
    return (await this.list({ name: [name], label: this.ours })).some((network) => network.Name === name);
  }

  /** All networks of the engine, of whomever they are. */
  async all(): Promise<PresentNetwork[]> {
    return (await this.list({})).map(({ Name: name, IPAM: ipam, Options: options }) => ({
      name,
      subnets: (ipam?.Config ?? []).flatMap(({ Subnet: subnet }) => subnet ?? []),
      options: options ?? {},
    }));
  }

  /** Our networks that no running container is in. */
  async idle(): Promise<{ readonly id: string; readonly ownerId: string }[]> {
    const networks = await this.list({ dangling: ['true'], label: this.ours });
    return networks.flatMap(({ Id: id, Labels: labels }) => {
      const ownerId = labels?.[LABEL.owner];
      return labels?.[LABEL.installation] === this.installationId && ownerId !== undefined ? [{ id, ownerId }] : [];
    });
  }

  /**
   * Null when it is made, else the engine's refusal: mostly the name, the bridge or the subnet is taken, perhaps by another
   * worker that makes the same network.
   */
  async create({ name, subnet, internal, labels, options }: NetworkOrder): Promise<Error | null> {
    const body = {
      Name: name,
      CheckDuplicate: true,
      Driver: 'bridge',
      Internal: internal,
      IPAM: { Driver: 'default', Config: [{ Subnet: subnet }] },
      Options: options,
      Labels: { ...labels, [LABEL.installation]: this.installationId },
    };
    try {
      await this.call('make a network', { timeoutMs: WRITE_MS, settleMs: SETTLE_MS }, (abortSignal) => {
        const request = { Name: name, _query: {}, _body: body, abortSignal };
        return this.client.createNetwork(request);
      });
      return null;
    } catch (error) {
      if (!(error instanceof Error) || engineAnswer(error) === null) throw error;
      return error;
    }
  }

  /** Leaves a network that has come into use, or that somebody else has removed. */
  async remove(id: string): Promise<void> {
    try {
      await this.call('remove a network', { timeoutMs: WRITE_MS }, (abortSignal) => this.client.getNetwork(id).remove({ abortSignal }));
    } catch (error) {
      if (engineAnswer(error) === null) throw error;
    }
  }

  private get ours(): string[] {
    return [`${LABEL.installation}=${this.installationId}`];
  }

  private async list(filters: Readonly<Record<string, string[]>>): Promise<NetworkInspectInfo[]> {
    const answer: unknown = await this.call('list the networks', { timeoutMs: READ_MS }, (abortSignal) =>
      this.client.listNetworks({ filters, abortSignal }),
    );
    if (!Array.isArray(answer)) throw new DriverError('timeout', 'The engine gave an incomplete list of networks');
    return answer as NetworkInspectInfo[];
  }

  /** Answers of the engine are thrown as they are; all other failures are DriverErrors. */
  private call<T>(
    doing: string,
    limits: { timeoutMs: number; settleMs?: number },
    work: (abortSignal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    return engineCall({ ...limits, doing, signal: this.signal, unless: (error) => engineAnswer(error) !== null }, work);
  }
}
