import { Logger } from '@nestjs/common';
import { imageReferenceFault, withTag } from '../../engines/image-reference';
import type { AllowedRegistries } from '../allowed-registries';
import { throwIfAborted } from '../abort';
import { registryClosed } from '../pull-failed';
import { DriverError, type WorkloadSpec } from '../runtime-driver';
import { digestIn, pinned } from '../image-digest';
import type { DockerEngine } from './docker-engine';
import { markOf, marksOn } from './image-marks';
import { pullImage, type PullLimits } from './image-pull';
import { imageFault, type NodeImage } from './node-image';
import type { PullTurns } from './pull-turns';

export interface ImageRules extends PullLimits {
  readonly registries: AllowedRegistries;
  /** How many pulls run at a time on one engine, and whose. */
  readonly turns: PullTurns;
}

export interface ImageOrder {
  readonly node: { readonly id: string; readonly name: string };
  readonly spec: Pick<WorkloadSpec, 'image' | 'ownerId' | 'imageDigest' | 'registry'>;
  readonly signal: AbortSignal;
  readonly onProgress: (words: string) => void;
  /** See `EnsureOptions`. */
  readonly chooseDigest?: (digest: string) => Promise<string>;
}

/** A mark that is older than this is renewed when its image is used. */
const MARK_FRESH_MS = 3_600_000;
const MAX_CAUSE_LENGTH = 500;

/** Brings images to engines, within the rules of this installation. */
export class Images {
  private readonly logger = new Logger(Images.name);

  constructor(
    private readonly installationId: string,
    readonly rules: ImageRules,
  ) {}

  /**
   * The image of the order on the engine; pulled if it is not there, when it is the owner's turn. A tag is resolved once for all
   * engines; an image without a digest, such as one that was built on the engine, is what the engine has.
   */
  async ensure(engine: DockerEngine, order: ImageOrder): Promise<NodeImage> {
    const { image, imageDigest: chosen } = order.spec;
    if (imageReferenceFault(image) !== null) throw new DriverError('rejected', 'The image reference is not valid');
    if (chosen) return this.bring(engine, pinnedOrder(order, chosen));
    const found = await this.bring(engine, order);
    const digest = digestIn(found, image);
    if (digest === null || !order.chooseDigest) return found;
    const first = await order.chooseDigest(digest);
    return first === digest ? found : this.bring(engine, pinnedOrder(order, first));
  }

  private async bring(engine: DockerEngine, order: ImageOrder): Promise<NodeImage> {
    const { image } = order.spec;
    const found = (await engine.image(withTag(image))) ?? (await this.inTurn(engine, order));
    const fault = imageFault(image, found, this.rules.maxImageMb);
    if (fault) throw fault;
    const [mark] = marksOn(found, this.installationId).marks;
    if (mark !== undefined && !(await isFresh(engine, found))) await engine.tagImage(found.id, mark);
    return found;
  }

  private async inTurn(engine: DockerEngine, { node, spec, signal, onProgress }: ImageOrder): Promise<NodeImage> {
    const { image, ownerId } = spec;
    if (!this.rules.registries.allows(image)) {
      throw new DriverError('image_unavailable', registryClosed(image));
    }
    onProgress(`Waiting to pull image ${image}`);
    try {
      return await this.rules.turns.run({ nodeId: node.id, ownerId }, signal, async () => {
        // Another replica may have brought it meanwhile.
        const found = await engine.image(withTag(image));
        if (found) return found;
        await this.pull(engine, { node, spec, signal, onProgress });
        return this.take(engine, image);
      });
    } catch (error) {
      throwIfAborted(signal);
      throw error;
    }
  }

  private async pull(engine: DockerEngine, { node, spec: { image, registry }, signal, onProgress }: ImageOrder): Promise<void> {
    try {
      await pullImage(engine.client, image, { signal, onProgress, limits: this.rules, registry });
    } catch (error) {
      if (error instanceof DriverError && error.failure !== 'aborted')
        this.logger.warn(`Node ${node.name}: ${error.message}${causeOf(error)}`);
      throw error;
    }
  }

  /** Marks an image that has just been pulled, or removes it again if it may not be used. */
  private async take(engine: DockerEngine, image: string): Promise<NodeImage> {
    const pulled = await engine.image(withTag(image));
    if (!pulled) throw new DriverError('image_unavailable', `Image ${image} is not on the node although it has just been pulled`);
    const fault = imageFault(image, pulled, this.rules.maxImageMb);
    if (fault) {
      await engine.removeImage(image);
      throw fault;
    }
    await engine.tagImage(pulled.id, markOf(image, this.installationId));
    return pulled;
  }
}

const pinnedOrder = (order: ImageOrder, digest: string): ImageOrder => ({
  ...order,
  spec: { ...order.spec, image: pinned(order.spec.image, digest) },
});

/** What engine and registry said, for administrators. */
function causeOf({ cause }: DriverError): string {
  if (!(cause instanceof Error)) return '';
  const printable = cause.message.replace(/[^\x20-\x7e]+/g, ' ').trim();
  return `: ${printable.slice(0, MAX_CAUSE_LENGTH)}`;
}

/**
 * By the engine's clock alone: a mark that seems fresh by another one may be old, and its image be removed when a container ends. An
 * engine that does not tell its time costs a renewal.
 */
async function isFresh(engine: DockerEngine, { taggedAt }: NodeImage): Promise<boolean> {
  const now = taggedAt && (await engine.now().catch(() => null));
  return taggedAt !== null && now !== null && now.getTime() - taggedAt.getTime() <= MARK_FRESH_MS;
}
