import { isIP } from 'node:net';

/** Where an engine listens. `port` is empty when the address has none. */
export type EngineAddress =
  { readonly kind: 'socket'; readonly path: string } | { readonly kind: 'tcp'; readonly host: string; readonly port: string };

const SOCKET = /^(?:unix|npipe):\/\/(\/.+)$/;

/** Reads an address as Docker writes it: `unix:///path`, `npipe:////./pipe/name` or `tcp://host:port`. Null for anything else. */
export function parseEngineAddress(text: string): EngineAddress | null {
  const path = SOCKET.exec(text)?.[1];
  if (path !== undefined) return { kind: 'socket', path };
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url?.protocol !== 'tcp:' || url.hostname === '') return null;
  return { kind: 'tcp', host: url.hostname.replace(/^\[|\]$/g, ''), port: url.port };
}

/** Whether the host is this machine, to which plain text may go. */
export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
