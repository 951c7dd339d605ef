import type { FastifyInstance } from 'fastify';
import { isIP } from 'node:net';
import { DomainError } from '../problem/domain-error';

export interface HostRules {
  /** Names in lower case; one that begins with a dot stands for all names under it, and `*` for every name. */
  readonly names: readonly string[];
  /** Addresses that are answered whatever the name: they give nothing to a page that should not have it. */
  readonly exempt: (path: string) => boolean;
}

/**
 * Refuses requests whose `Host` is a name that nobody has allowed. A page of another site can have its own name lead to this
 * server (DNS rebinding), and would then read its answers; the `Host` still has that name. Loopback names and IP addresses are
 * always allowed: no page can have a name that is an address, and probes and containers call by address.
 */
export function checkHost(fastify: FastifyInstance, { names, exempt }: HostRules): void {
  if (names.includes('*')) return;
  const allowed = ['localhost', '.localhost', ...names];
  // Nearly all requests say the same.
  let lastAllowed: string | undefined;
  fastify.addHook('onRequest', ({ headers: { host }, url }, _reply, done) => {
    const name = host === undefined || host === lastAllowed ? null : hostName(host);
    if (name !== null && isAllowed(name, allowed)) lastAllowed = host;
    if (host === lastAllowed || host === undefined || exempt(url.split('?', 1)[0] ?? '')) done();
    else done(new DomainError('host_not_allowed', 'This server does not answer to the name in the Host header. ALLOWED_HOSTS adds names.'));
  });
}

/** The name or address without port, brackets and final dot; null for what is no host. */
export function hostName(host: string): string | null {
  if (!URL.canParse(`http://${host}/`)) return null;
  const { hostname, username, password, pathname, search } = new URL(`http://${host}/`);
  if (username !== '' || password !== '' || pathname !== '/' || search !== '') return null;
  return hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');
}

const isAllowed = (name: string, allowed: readonly string[]): boolean =>
  isIP(name) !== 0 || allowed.some((rule) => (rule.startsWith('.') ? name.endsWith(rule) : name === rule));
