import { parseImageReference } from './image-reference';

/** What an engine shows to a registry when it pulls. Never in labels, logs, events or errors. */
export interface RegistryCredential {
  /** Names this content of the credential and nothing of it: another password has another one. */
  readonly revision: string;
  /** `host[:port][/path]`: for which images it is. */
  readonly server: string;
  readonly username: string;
  readonly password: string;
}

const DOCKER_HUB = 'docker.io';
const SERVER = /^([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[a-f0-9:]+\])(?::([0-9]{1,5}))?((?:\/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*)$/;
const HTTPS_PORT = 443;

export interface RegistryServer {
  /** Lower case; an IPv6 address is in brackets. */
  readonly host: string;
  readonly port: number;
  /** Without slashes around it; empty for all images of the server. */
  readonly path: string;
}

/** Null for what names no registry: a scheme, a path that no image has, or nothing. */
export function parseRegistryServer(text: string): RegistryServer | null {
  const [, host, port, path = ''] = SERVER.exec(text.toLowerCase()) ?? [];
  if (host === undefined || Number(port ?? HTTPS_PORT) > 65_535 || Number(port ?? HTTPS_PORT) < 1) return null;
  return { host: host === `index.${DOCKER_HUB}` ? DOCKER_HUB : host, port: Number(port ?? HTTPS_PORT), path: path.slice(1) };
}

/** The credential for an image: that of the longest path of its registry, and of several such the first. Null when there is none. */
export function credentialFor<T extends { readonly server: string }>(image: string, credentials: readonly T[]): T | null {
  const reference = parseImageReference(image);
  if (!reference) return null;
  const matching = credentials.flatMap((credential) => {
    const server = parseRegistryServer(credential.server);
    if (server?.host !== reference.host || server.port !== (reference.port ?? HTTPS_PORT)) return [];
    const isWithin = server.path === '' || reference.path === server.path || reference.path.startsWith(`${server.path}/`);
    return isWithin ? [{ credential, length: server.path.length }] : [];
  });
  const longest = Math.max(...matching.map(({ length }) => length));
  return matching.find(({ length }) => length === longest)?.credential ?? null;
}
