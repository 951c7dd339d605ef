import { isIPv6 } from 'node:net';

const LABEL = '(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])';
const HOST = `(?:${LABEL}(?:\\.${LABEL})*|\\[[a-fA-F0-9:]+\\])`;
const DOMAIN = `${HOST}(?::[0-9]{1,5})?`;
const COMPONENT = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const PATH = `${COMPONENT}(?:/${COMPONENT})*`;
const TAG = '[\\w][\\w.-]{0,127}';
const DIGEST = '(?:sha256:[a-f0-9]{64}|sha384:[a-f0-9]{96}|sha512:[a-f0-9]{128})';

/**
 * `[domain[:port]/]path[:tag][@digest]`: the grammar of the distribution project's reference package, with the digests that
 * engines know.
 */
export const IMAGE_REFERENCE = new RegExp(`^(?:${DOMAIN}/)?${PATH}(?::${TAG})?(?:@${DIGEST})?$`);

export const MAX_IMAGE_REFERENCE_LENGTH = 500;
const MAX_PATH_LENGTH = 255;
const MAX_PORT = 65_535;

const PARTS = new RegExp(`^(?:(${HOST})(?::([0-9]{1,5}))?/)?(${PATH})(?::(${TAG}))?(?:@(${DIGEST}))?$`);
const DOCKER_HUB = 'docker.io';

/** The parts of an image reference, read as engines read them: what names no registry is meant for Docker Hub. */
export interface ImageReference {
  /** Lower case; an IPv6 address is in brackets. */
  readonly host: string;
  /** Null when the reference names none. */
  readonly port: number | null;
  /** With `library/` in front where Docker Hub adds it. */
  readonly path: string;
  readonly tag: string | null;
  readonly digest: string | null;
}

/** Null when engines would not take the text for an image reference. */
export function parseImageReference(text: string): ImageReference | null {
  const slash = text.indexOf('/');
  const first = text.slice(0, Math.max(0, slash));
  const namesRegistry = first === 'localhost' || /[.:A-Z]/.test(first);
  const parts = PARTS.exec(namesRegistry || slash === -1 ? text : `${DOCKER_HUB}/${text}`);
  if (!parts || (namesRegistry && parts[1] === undefined)) return null;
  const [, domain = DOCKER_HUB, port, path = '', tag, digest] = parts;
  const host = domain.toLowerCase() === `index.${DOCKER_HUB}` ? DOCKER_HUB : domain.toLowerCase();
  return {
    host,
    port: port === undefined ? null : Number(port),
    path: host === DOCKER_HUB && !path.includes('/') ? `library/${path}` : path,
    tag: tag ?? null,
    digest: digest ?? null,
  };
}

/** Why no engine takes the text as the image of a container, in words that complete `must …`; null when engines take it. */
export function imageReferenceFault(text: string): string | null {
  const reference = IMAGE_REFERENCE.test(text) ? parseImageReference(text) : null;
  if (!reference) return 'be an image reference such as nginx:1.27';
  const { host, port, path } = reference;
  if (/^(?:[a-f0-9]{64}|sha(?:256|384|512):[a-f0-9]+)$/.test(text))
    return 'be an image reference such as nginx:1.27, not the id of an image';
  if (path.length > MAX_PATH_LENGTH) return `have at most ${MAX_PATH_LENGTH} characters before tag and digest`;
  if (port !== null && (port < 1 || port > MAX_PORT)) return `name a port between 1 and ${MAX_PORT}`;
  if (host.startsWith('[') && !isIPv6(host.slice(1, -1))) return 'name a registry by an address that is one';
  return null;
}

/**
 * The reference with a tag or a digest. An engine takes `cafe` also for the beginning of the id of any image that it has, be it of
 * somebody else, and a pull without a tag brings all of them.
 */
export const withTag = (image: string): string => (image.includes('@') || /:[^/\]]+$/.test(image) ? image : `${image}:latest`);

/** The name as the engine itself shows it among the tags and digests of its images: without what goes without saying. */
export function familiarName({ host, port, path, tag, digest }: ImageReference): string {
  const name = host !== DOCKER_HUB || port !== null ? `${host}${port === null ? '' : `:${port}`}/${path}` : path.replace(/^library\//, '');
  return digest === null ? `${name}:${tag ?? 'latest'}` : `${name}@${digest}`;
}
