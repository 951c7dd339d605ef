import { familiarName, parseImageReference } from '../engines/image-reference';

/** The reference to exactly this image: of the same repository, by its digest. One that names a digest already stays as it is. */
export function pinned(image: string, digest: string): string {
  const reference = parseImageReference(image);
  return !reference || reference.digest !== null ? image : familiarName({ ...reference, digest });
}

/** The digest by which the registry of the reference knows the image; null when no registry does. */
export function digestIn({ names }: { readonly names: readonly string[] }, image: string): string | null {
  const wanted = parseImageReference(image);
  if (!wanted) return null;
  if (wanted.digest !== null) return wanted.digest;
  const repository = familiarName({ ...wanted, tag: null, digest: 'x' }).slice(0, -'@x'.length);
  const found = names.find((name) => name.startsWith(`${repository}@`));
  return found === undefined ? null : found.slice(repository.length + 1);
}
