import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { NodesRepository } from '../nodes/nodes.repository';
import { DriverError, type NodeTarget } from '../runtime/runtime-driver';
import { Runtimes } from '../runtime/runtimes';

export type ImageState = 'available' | 'unavailable' | 'unknown';

const ANSWER_WITHIN_MS = 5_000;
const NODES_ASKED = 3;
/** A bulk restore asks for the same few images many times. */
const REMEMBERED_MS = 3_000;

/** Asks engines whether an image can still be had. Beside deletes' waiting and logs, the only request that waits for engines. */
@Injectable()
export class ImageCheck {
  private readonly known = new LRUCache<string, Promise<ImageState>>({ max: 200, ttl: REMEMBERED_MS });

  constructor(
    private readonly nodes: NodesRepository,
    private readonly runtimes: Runtimes,
  ) {}

  /** `unknown` when no engine could tell: an engine that is away is no reason to refuse. */
  state(image: string): Promise<ImageState> {
    const known = this.known.get(image);
    if (known) return known;
    const asking = this.askSome(image);
    this.known.set(image, asking);
    asking.catch(() => this.known.delete(image));
    return asking;
  }

  private async askSome(image: string): Promise<ImageState> {
    const targets = (await this.nodes.targets([this.runtimes.active.kind])).filter(({ online }) => online).slice(0, NODES_ASKED);
    const answers = await Promise.all(targets.map((target) => this.ask(target, image)));
    if (answers.includes('available')) return 'available';
    return answers.includes('unavailable') ? 'unavailable' : 'unknown';
  }

  private async ask(target: NodeTarget, image: string): Promise<ImageState> {
    const driver = this.runtimes.driverFor(target.runtime);
    if (!driver) return 'unknown';
    try {
      return (await driver.offersImage(target, image, AbortSignal.timeout(ANSWER_WITHIN_MS))) ? 'available' : 'unavailable';
    } catch (error) {
      if (error instanceof DriverError) return 'unknown';
      throw error;
    }
  }
}
