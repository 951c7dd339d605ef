import type { FastifyInstance } from 'fastify';
import { isIP } from 'node:net';

/**
 * Reads `X-Forwarded-For` before anybody uses it, or `Forwarded` (RFC 7239) where a proxy sends that alone. Proxies append the port
 * of the client (HAProxy, Azure), brackets (IPv6) and the zone; those are taken off. An entry that is no address (`unknown`,
 * `_hidden`, words) ends the list: what stands before it came through a hop that nobody knows, so the proxy that sent the entry
 * counts instead.
 */
export function readForwardedAddresses(fastify: FastifyInstance): void {
  fastify.addHook('onRequest', ({ headers }, _reply, done) => {
    const given = headers['x-forwarded-for'] ?? (headers.forwarded === undefined ? undefined : forwardedFor(headers.forwarded));
    if (given !== undefined) headers['x-forwarded-for'] = knownHops([given].flat().join()).join(', ');
    done();
  });
}

const QUOTED = /"(?:\\.|[^"\\])*"/g;
/** Elements and pairs of `Forwarded`: a comma or a semicolon in quotes is none of its own. */
const ELEMENT = /(?:[^,"]|"(?:\\.|[^"\\])*")+/g;
const PAIR = /(?:[^;"]|"(?:\\.|[^"\\])*")+/g;

/**
 * The `for` of each hop as `X-Forwarded-For` has it. A hop that does not say for whom it forwards is one that nobody knows. So are all of
 * them when a client has left a quote open, in which what the proxy appends would be lost.
 */
function forwardedFor(forwarded: string): string {
  if (forwarded.replace(QUOTED, '').includes('"')) return 'unknown';
  const hops = (forwarded.match(ELEMENT) ?? []).filter((element) => element.trim() !== '');
  return hops
    .map((hop) => (hop.match(PAIR) ?? []).map((pair) => /^\s*for\s*=\s*(.*?)\s*$/i.exec(pair)?.[1]).find(Boolean) ?? 'unknown')
    .join();
}

/** The addresses behind the last entry that is none. An empty entry means nothing. */
function knownHops(list: string): string[] {
  const hops = list.split(',').filter((entry) => entry.trim() !== '');
  const addresses = hops.map(addressIn);
  return addresses.slice(addresses.lastIndexOf(null) + 1).filter((address) => address !== null);
}

const BRACKETED = /^\[([^\]]*)\](?::\d{1,5})?$/;
const WITH_PORT = /^(\d+\.\d+\.\d+\.\d+):\d{1,5}$/;

/** The address of an entry without its port; null when it holds none. */
function addressIn(entry: string): string | null {
  const text = entry.trim().replace(/^"(.*)"$/, '$1');
  const address = BRACKETED.exec(text)?.[1] ?? WITH_PORT.exec(text)?.[1] ?? text;
  return isIP(address) === 0 ? null : canonicalAddress(address);
}

/** One spelling for one address: without a zone, and IPv4 as such where a socket of both families shows it as IPv6. */
export function canonicalAddress(address: string): string {
  const [plain = ''] = address.split('%', 1);
  if (isIP(plain) !== 6) return plain;
  const short = new URL(`http://[${plain}]/`).hostname.slice(1, -1);
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(short);
  return mapped === null ? short : mapped.slice(1).flatMap(bytesOf).join('.');
}

const bytesOf = (word: string): [number, number] => [parseInt(word, 16) >> 8, parseInt(word, 16) & 255];
