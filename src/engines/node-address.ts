import { isIP } from 'node:net';
import { ENGINE_TRAITS, type RuntimeKind } from './runtime-kinds';
import { isLoopback, parseEngineAddress } from '../common/engine-address';

export const MAX_NODE_ADDRESS_LENGTH = 253;

const HOST_NAME = /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/i;
/** A name whose last label is a number is read by resolvers as an IPv4 address in some odd notation, such as `127.1`. */
const NUMERIC_END = /(?:^|\.)(?:[0-9]+|0x[0-9a-f]*)$/i;
const ANY_ADDRESS: ReadonlySet<string> = new Set(['', '0.0.0.0', '::']);

/** Whether the text is one IP address or one host name (RFC 1123), without port, brackets or zone. */
export function isNodeAddress(text: unknown): text is string {
  if (typeof text !== 'string' || text.length > MAX_NODE_ADDRESS_LENGTH || ANY_ADDRESS.has(text)) return false;
  return (isIP(text) !== 0 && !text.includes('%')) || (HOST_NAME.test(text) && !NUMERIC_END.test(text));
}

/** What says where a node is: what an administrator has set, else the endpoint of its engine. */
export interface NodePlace {
  readonly address: string | null;
  readonly endpoint: string | null;
  /** Absent: an engine that we dial ourselves. */
  readonly runtime?: RuntimeKind;
}

/** A host and port to connect to. */
export interface Reach {
  readonly host: string;
  readonly port: number;
}

/**
 * Where a published port of a node is reached. Null when it is not reached at all: the port is bound to the loopback address of
 * another machine, and connecting to our own instead would ask somebody else.
 */
export function reachedAt(node: NodePlace, { hostIp, hostPort }: { readonly hostIp: string; readonly hostPort: number }): Reach | null {
  // A machine that dials us must not choose where we connect to: only an administrator says where it is.
  if (node.runtime !== undefined && ENGINE_TRAITS[node.runtime].joins)
    return node.address === null || (isLoopback(hostIp) && !isLoopback(node.address)) ? null : { host: node.address, port: hostPort };
  const address = node.address ?? addressOfEndpoint(node.endpoint);
  if (ANY_ADDRESS.has(hostIp)) return { host: address, port: hostPort };
  return isLoopback(hostIp) && !isLoopback(address) ? null : { host: hostIp, port: hostPort };
}

/** The host of a TCP endpoint. An engine without one, or behind a socket, is on this machine. */
function addressOfEndpoint(endpoint: string | null): string {
  const engine = endpoint === null ? null : parseEngineAddress(endpoint);
  return engine?.kind === 'tcp' ? engine.host : '127.0.0.1';
}
