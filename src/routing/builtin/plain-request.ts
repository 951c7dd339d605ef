import type { IncomingMessage } from 'node:http';

const DROPPED = new Set(['upgrade', 'http2-settings']);

/** Whether a request comes with a body, of a known length or in parts. */
export const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;

/**
 * Whether a request that offers another protocol is to be answered as if it did not, as HTTP allows. HTTP/2 is not spoken here,
 * though some clients offer it with every request, and what has a body would lose it on the way to the other protocol.
 */
export const isPlain = (request: IncomingMessage): boolean =>
  hasBody(request) || /(?:^|,)\s*h2c\s*(?:,|$)/i.test(request.headers.upgrade ?? '');

/** The head of a request as it came, in bytes, but without its offer of another protocol. */
export function plainHead({ method, url, httpVersion, rawHeaders }: IncomingMessage): Buffer {
  const lines = [`${method ?? 'GET'} ${url ?? '/'} HTTP/${httpVersion}`];
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const [name = '', value = ''] = rawHeaders.slice(index, index + 2);
    const isConnection = name.toLowerCase() === 'connection';
    if (!DROPPED.has(name.toLowerCase())) lines.push(`${name}: ${isConnection ? otherOptions(value) : value}`);
  }
  return Buffer.from([...lines, '', ''].join('\r\n'), 'latin1');
}

const otherOptions = (connection: string): string =>
  connection
    .split(',')
    .filter((option) => !DROPPED.has(option.trim().toLowerCase()))
    .join(',');
