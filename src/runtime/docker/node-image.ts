import { DriverError } from '../runtime-driver';
import { recordAt } from './json-lines';

const MIB = 1024 ** 2;
/** Engines repeat these texts of an image in every list of containers. */
const MAX_TEXT_BYTES = 64 * 1024;
const MAX_VOLUMES = 16;

/** An image on an engine, as far as we use it. Everything in it was chosen by whoever made the image. */
export interface NodeImage {
  readonly id: string;
  readonly sizeMb: number;
  /** The size of the texts in its description, such as labels and variables. */
  readonly textBytes: number;
  /** Names under which the engine knows it, tags and digests. */
  readonly names: readonly string[];
  readonly labelNames: readonly string[];
  /** Paths that the image asks volumes for. */
  readonly volumes: readonly string[];
  /** When it was tagged last, by the engine's clock. */
  readonly taggedAt: Date | null;
}

/** Reads the engine's description of an image. */
export function nodeImage(description: Record<string, unknown>): NodeImage {
  const config = recordAt(description, 'Config');
  const taggedAt = new Date(String(recordAt(description, 'Metadata').LastTagTime));
  return {
    id: String(description.Id),
    sizeMb: Math.ceil((Number(description.Size) || 0) / MIB),
    textBytes: JSON.stringify(config).length,
    names: [...textsOf(description.RepoTags), ...textsOf(description.RepoDigests)],
    labelNames: Object.keys(recordAt(config, 'Labels')),
    volumes: Object.keys(recordAt(config, 'Volumes')),
    taggedAt: taggedAt.getUTCFullYear() > 1 ? taggedAt : null,
  };
}

/** Why no container is made from the image; null when it may be used. */
export function imageFault(reference: string, { sizeMb, textBytes, volumes }: NodeImage, maxSizeMb: number): DriverError | null {
  if (sizeMb > maxSizeMb) return tooLarge(reference, maxSizeMb);
  if (textBytes > MAX_TEXT_BYTES) {
    const words = `The labels, variables and commands of image ${reference} take more than ${MAX_TEXT_BYTES / 1024} kB`;
    return new DriverError('rejected', words);
  }
  if (volumes.length <= MAX_VOLUMES) return null;
  return new DriverError('rejected', `Image ${reference} asks for ${volumes.length} volumes; at most ${MAX_VOLUMES} are given`);
}

/** The sentence for an image that is larger than this installation allows. */
export const tooLarge = (reference: string, maxSizeMb: number): DriverError =>
  new DriverError('rejected', `Image ${reference} is larger than the ${maxSizeMb} MB that an image may have here (IMAGE_MAX_SIZE_MB)`);

const textsOf = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((text): text is string => typeof text === 'string') : [];
