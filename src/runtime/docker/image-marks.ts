import { createHash } from 'node:crypto';
import { familiarName, parseImageReference } from '../../engines/image-reference';
import type { NodeImage } from './node-image';

/** No registry can have this name, so a mark is never pulled or pushed. */
const REPOSITORY = 'fog-compute.invalid/pulled-by';

/**
 * The mark that we leave on an image that this installation has pulled: a tag that says which of its names came with the pull.
 * An image without it is not ours to remove. The engine keeps the mark with the image, and with it when the image was used last.
 */
export const markRepository = (installationId: string): string => `${REPOSITORY}/${installationId}`;

/** The mark for an image that this installation has pulled under this name. */
export const markOf = (image: string, installationId: string): string => `${markRepository(installationId)}:${markTag(image)}`;

function markTag(image: string): string {
  const reference = parseImageReference(image);
  const name = reference ? familiarName(reference) : image;
  return createHash('sha256').update(name).digest('hex').slice(0, 32);
}

/** Our marks on an image, and those of its names that came with our pulls. */
export function marksOn({ names }: NodeImage, installationId: string): { readonly marks: string[]; readonly pulled: string[] } {
  const prefix = `${markRepository(installationId)}:`;
  const marks = names.filter((name) => name.startsWith(prefix));
  const tags = new Set(marks.map((mark) => mark.slice(prefix.length)));
  return { marks, pulled: names.filter((name) => tags.has(markTag(name))) };
}
