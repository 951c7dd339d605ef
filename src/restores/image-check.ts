import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { eachAtATime } from '../common/each-at-a-time';
import { within } from '../common/within';
import type { NodeTarget } from '../engines/node-target';
import type { RestorationCandidate } from './restoration.repository';
import { NodesRepository } from '../nodes/nodes.repository';
import { DriverError } from '../runtime/runtime-driver';
import { Runtimes } from '../runtime/runtimes';
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
  private readonly known = new LRUCache<string, Promise<ImageState>>({ max: 200, ttl: REMEMBERED_MS });

  constructor(
    private readonly nodes: NodesRepository,
    private readonly runtimes: Runtimes,
  ) {}

  /**
   * `available` as soon as one engine offers the image; engines that ran it before are asked first. `unavailable` only when all
   * online engines have said no. Otherwise, and when no new container is needed, `unknown`, which is no reason to refuse.
   */
  async state(deployment: RestorationCandidate): Promise<ImageState> {
    if (replicasToPlace(deployment) === 0) return 'unknown';
    const { image } = deployment;
    const known = this.known.get(image);
    if (known) return known;
    const asking = this.askAll(image, new Set(deployment.lastNodeIds));
    this.known.set(image, asking);
    asking.catch(() => this.known.delete(image));
    return asking;
  }

  private async askAll(image: string, first: ReadonlySet<string>): Promise<ImageState> {
    const online = (await this.nodes.targets(this.runtimes.kinds)).filter((target) => target.online);
    const targets = [...online.filter(({ id }) => first.has(id)), ...online.filter(({ id }) => !first.has(id))];
    const found = new AbortController();
    let refusals = 0;
    await within(ANSWER_WITHIN_MS, found.signal, (signal) =>
      eachAtATime(ASKED_AT_ONCE, targets, async (target) => {
        if (signal.aborted) return;
        const isOffered = await this.ask(target, image, signal);
        if (isOffered) found.abort();
        if (isOffered === false) refusals++;
      }),
    );
    if (found.signal.aborted) return 'available';
    return targets.length > 0 && refusals === targets.length ? 'unavailable' : 'unknown';
  }

  /** Null when this engine cannot tell. */
  private async ask(target: NodeTarget, image: string, signal: AbortSignal): Promise<boolean | null> {
    try {
      return (await this.runtimes.driverFor(target.runtime)?.offersImage(target, image, signal)) ?? null;
    } catch (error) {
      if (error instanceof DriverError) return null;
      throw error;
    }
  }
}
