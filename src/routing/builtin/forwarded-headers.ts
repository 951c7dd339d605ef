import type { IncomingHttpHeaders } from 'node:http';

/** Headers by their names in lower case. */
export type PassedHeaders = Record<string, string | string[]>;

/** What concerns one connection only (RFC 9110, 7.6.1), and what the router says itself. */
const NOT_PASSED_ON = new Set([
  ...['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'expect', 'http2-settings'],
  ...['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-port', 'x-forwarded-proto', 'x-real-ip'],
]);

/** These belong to the message, also when `Connection` names them. */
const OF_THE_MESSAGE = ['host', 'content-length'];

/** The connection that a request came in on. */
export interface Incoming {
  readonly remoteAddress: string;
  readonly port: number;
  /** It came from a proxy that is trusted to say for whom it asks. */
  readonly trusted: boolean;
}

/** The headers for the replica. What a client that is not trusted says of itself in `X-Forwarded-*` is replaced. */
export function forwardedHeaders(headers: IncomingHttpHeaders, { remoteAddress, port, trusted }: Incoming): PassedHeaders {
  const said = (name: string): string | undefined => (trusted ? textOf(headers[name]) : undefined);
  const before = said('x-forwarded-for');
  return {
    ...passedOn(headers),
    'x-forwarded-for': before === undefined ? remoteAddress : `${before}, ${remoteAddress}`,
    'x-forwarded-host': said('x-forwarded-host') ?? headers.host ?? '',
    'x-forwarded-port': said('x-forwarded-port') ?? String(port),
    'x-forwarded-proto': said('x-forwarded-proto') ?? 'http',
  };
}

/** The headers of an answer, without those of the connection to the replica. */
export const answerHeaders = (headers: IncomingHttpHeaders): PassedHeaders => passedOn(headers);

function passedOn(headers: IncomingHttpHeaders): PassedHeaders {
  const named = new Set((headers.connection ?? '').split(',').map((name) => name.trim().toLowerCase()));
  for (const name of OF_THE_MESSAGE) named.delete(name);
  const passed: PassedHeaders = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && !NOT_PASSED_ON.has(name) && !named.has(name)) passed[name] = value;
  }
  return passed;
}

const textOf = (value: string | string[] | undefined): string | undefined => (Array.isArray(value) ? value.join(', ') : value);
