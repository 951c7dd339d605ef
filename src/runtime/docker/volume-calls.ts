import type Docker from 'dockerode';
import { DriverError } from '../runtime-driver';
import { engineAnswer, isConflict, isNoSuchVolume } from './docker-errors';
import { VOLUME_LABEL } from './docker-labels';
import { engineCall } from './engine-call';
import { isRecord, recordAt } from './json-lines';

const READ_MS = 10_000;
const WRITE_MS = 60_000;
const SETTLE_MS = 5_000;

/** A volume to be made. */
export interface NewVolume {
  readonly name: string;
  readonly sizeGb: number;
  readonly labels: Readonly<Record<string, string>>;
}

type Labels = Readonly<Record<string, string>>;

/** The local driver holds a volume to its size on XFS with project quotas only, and refuses a size elsewhere. */
const NO_QUOTA = /no quota support|quota.*(?:not supported|size requested)/i;

/** The calls about volumes of projects to one engine under one signal. */
export class VolumeCalls {
  constructor(
    private readonly client: Docker,
    private readonly signal: AbortSignal,
  ) {}

  /** Null only when the engine says that it knows no such volume. */
  async labels(name: string): Promise<Labels | null> {
    try {
      const volume: unknown = await this.call('look for a volume', READ_MS, (abortSignal) =>
        this.client.getVolume(name).inspect({ abortSignal }),
      );
      if (!isRecord(volume) || volume.Name !== name)
        throw new DriverError('timeout', 'The engine gave an incomplete description of a volume');
      return textsOf(recordAt(volume, 'Labels'));
    } catch (error) {
      if (isNoSuchVolume(error)) return null;
      throw error;
    }
  }

  /** One that is there already stays as it is. Held to its size where the engine can do that. */
  async create({ name, sizeGb, labels }: NewVolume): Promise<void> {
    const options = { Name: name, Driver: 'local', Labels: { ...labels } };
    const make = (driverOpts: Record<string, string>): Promise<unknown> =>
      this.call('make a volume', WRITE_MS, (abortSignal) => {
        const request = { ...options, DriverOpts: driverOpts, abortSignal };
        return this.client.createVolume(request);
      });
    try {
      await make({ size: `${sizeGb}G` });
    } catch (error) {
      if (!NO_QUOTA.test(engineAnswer(error)?.text ?? '')) throw error;
      await make({});
    }
  }

  /** False while a container uses it. */
  async remove(name: string): Promise<boolean> {
    try {
      await this.call('remove a volume', WRITE_MS, (abortSignal) => this.client.getVolume(name).remove({ abortSignal }));
      return true;
    } catch (error) {
      if (isNoSuchVolume(error)) return true;
      if (isConflict(error)) return false;
      throw error;
    }
  }

  /** The ids of all volumes that an installation has made for projects. */
  async ids(installationId: string): Promise<string[]> {
    const filters = JSON.stringify({ label: [`${VOLUME_LABEL.installation}=${installationId}`] });
    const answer: unknown = await this.call('list the volumes', READ_MS, (abortSignal) =>
      this.client.listVolumes({ filters, abortSignal }),
    );
    if (!isRecord(answer) || (answer.Volumes !== null && !Array.isArray(answer.Volumes)))
      throw new DriverError('timeout', 'The engine gave an incomplete list of volumes');
    const volumes = (answer.Volumes ?? []).filter(isRecord).map((volume) => textsOf(recordAt(volume, 'Labels')));
    return volumes.flatMap((labels) => (labels[VOLUME_LABEL.installation] === installationId ? (labels[VOLUME_LABEL.id] ?? []) : []));
  }

  /** What the engine answers is thrown as it is where it has a meaning; all other failures are DriverErrors. */
  private call<T>(doing: string, timeoutMs: number, work: (abortSignal: AbortSignal) => Promise<T>): Promise<T> {
    const hasMeaning = (error: unknown): boolean =>
      isNoSuchVolume(error) || isConflict(error) || NO_QUOTA.test(engineAnswer(error)?.text ?? '');
    return engineCall({ doing, timeoutMs, settleMs: SETTLE_MS, signal: this.signal, unless: hasMeaning }, work);
  }
}

const textsOf = (labels: Readonly<Record<string, unknown>>): Labels =>
  Object.fromEntries(Object.entries(labels).filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
