import { parseImageReference, type ImageReference } from '../engines/image-reference';

const HTTPS_PORT = 443;

/** The entry that opens no registry. */
const NONE = 'none';

/**
 * The registries that engines may be sent to. A reference is a request that an engine makes from inside of its network, so
 * everything is closed that no entry names. An asterisk opens public-looking names only: addresses, `localhost`, names without a
 * dot and ports other than 443 have to be named one by one.
 */
export class AllowedRegistries {
  private readonly entries: readonly Entry[];

  /** `list` as ALLOWED_REGISTRIES has it: `host[:port][/path]`, `*.domain[/path]` or `*[/path]`, separated by commas. */
  constructor(list: string) {
    const entries = list.split(',').map((entry) => entry.trim());
    this.entries = entries.filter((entry) => entry !== '' && entry !== NONE).map(entryOf);
  }

  /** False too for what is no image reference. */
  allows(image: string): boolean {
    const reference = parseImageReference(image);
    return reference !== null && this.entries.some((entry) => matches(entry, reference));
  }

  /** Whether an entry names exactly this host, and does not only match it: then it may be inside of the operator's network. */
  names(image: string): boolean {
    const reference = parseImageReference(image);
    return reference !== null && this.entries.some((entry) => !entry.host.startsWith('*') && matches(entry, reference));
  }
}

interface Entry {
  readonly host: string;
  readonly port: number;
  readonly path: string;
}

function entryOf(text: string): Entry {
  const [, host = '', port, path = ''] = /^(\[[^\]]*\]|[^:/]*)(?::([0-9]+))?\/?(.*)$/.exec(text.toLowerCase()) ?? [];
  return { host, port: port === undefined ? HTTPS_PORT : Number(port), path: path.replace(/\/+$/, '') };
}

function matches(entry: Entry, { host, port, path }: ImageReference): boolean {
  if ((port ?? HTTPS_PORT) !== entry.port) return false;
  if (entry.path !== '' && path !== entry.path && !path.startsWith(`${entry.path}/`)) return false;
  if (!entry.host.startsWith('*')) return host === entry.host;
  return looksPublic(host) && host.endsWith(entry.host.slice(1));
}

/** A name such as `ghcr.io`. A last part that is a number makes an address of any name, in all spellings of it. */
const looksPublic = (host: string): boolean =>
  /^[a-z0-9.-]+\.[a-z0-9-]+$/.test(host) && !/\.(?:[0-9]+|0x[0-9a-f]*|localhost|local|internal)$/.test(host);
