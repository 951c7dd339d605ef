import { Injectable, Logger } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { eachAtATime } from '../common/each-at-a-time';
import { within } from '../common/within';
import type { NodeTarget } from '../engines/node-target';
import type { RestorationCandidate } from './restoration.repository';
import { NodesRepository } from '../nodes/nodes.repository';
import type { RegistryCredential } from '../engines/registry-credential';
import { DriverError, type WantedImage } from '../runtime/runtime-driver';
import { Runtimes } from '../runtime/runtimes';
import { RegistryCredentials } from '../secrets/registry-credentials';
import { replicasToPlace } from './replicas-to-place';

export type ImageState = 'available' | 'unavailable' | 'unknown';

/** The time limit for all nodes together. */
const ANSWER_WITHIN_MS = 5_000;
const ASKED_AT_ONCE = 16;
/** A bulk restore asks for the same few images many times. */
const REMEMBERED_MS = 3_000;

/**
 * Asks engines whether an image is still available. Apart from this, only the reading of logs waits for engines, and a delete
 * for its teardown.
 */
@Injectable()
export class ImageCheck {
  private readonly logger = new Logger(ImageCheck.name);
  private readonly known = new LRUCache<string, Promise<ImageState>>({ max: 200, ttl: REMEMBERED_MS });

  constructor(
    private readonly nodes: NodesRepository,
    private readonly runtimes: Runtimes,
    private readonly credentials: RegistryCredentials,
  ) {}

  /**
   * `available` as soon as one engine offers the image; engines that ran it before are asked first. `unavailable` only when all
   * online engines have said no. Otherwise, and when no new container is needed, `unknown`, which is no reason to refuse.
   */
  async state(deployment: RestorationCandidate): Promise<ImageState> {
    if (replicasToPlace(deployment) === 0) return 'unknown';
    const { image, projectId } = deployment;
    const key = `${projectId} ${image}`;
    const known = this.known.get(key);
    if (known) return known;
    const asking = this.askAll(deployment);
    this.known.set(key, asking);
    asking.catch(() => this.known.delete(key));
    return asking;
  }

  private async askAll({ image, projectId, lastNodeIds }: RestorationCandidate): Promise<ImageState> {
    const wanted = { image, registry: await this.credential(projectId, image) };
    const first = new Set(lastNodeIds);
    const online = (await this.nodes.targets(this.runtimes.kinds)).filter((target) => target.online);
    const targets = [...online.filter(({ id }) => first.has(id)), ...online.filter(({ id }) => !first.has(id))];
    const found = new AbortController();
    let refusals = 0;
    await within(ANSWER_WITHIN_MS, found.signal, (signal) =>
      eachAtATime(ASKED_AT_ONCE, targets, async (target) => {
        if (signal.aborted) return;
        const isOffered = await this.ask(target, wanted, signal);
        if (isOffered) found.abort();
        if (isOffered === false) refusals++;
      }),
    );
    if (found.signal.aborted) return 'available';
    return targets.length > 0 && refusals === targets.length ? 'unavailable' : 'unknown';
  }

  /** Null also when it cannot be decrypted: then the registry says what it says to strangers. */
  private async credential(projectId: string, image: string): Promise<RegistryCredential | null> {
    try {
      return await this.credentials.for(projectId, image);
    } catch (error) {
      this.logger.warn(error instanceof Error ? error.message : String(error));
      return null;
    }
  }

  /** Null when this engine cannot tell. */
  private async ask(target: NodeTarget, wanted: WantedImage, signal: AbortSignal): Promise<boolean | null> {
    try {
      return (await this.runtimes.driverFor(target.runtime)?.offersImage(target, wanted, signal)) ?? null;
    } catch (error) {
      if (error instanceof DriverError) return null;
      throw error;
    }
  }
}
