import type { LookupAddress } from 'node:dns';
import { Resolver } from 'node:dns/promises';

export type ResolveHost = (hostname: string) => Promise<readonly LookupAddress[]>;
/** Injection token of the function that asks the resolver. Tests pass one that changes its answers. */
export const RESOLVE_HOST = Symbol('RESOLVE_HOST');

const TRY_MS = 1_500;
const WITHIN_MS = 3_000;
/** These names never leave the host (RFC 6761). AddressPolicy decides whether loopback may be reached, as for every address. */
const LOCALHOST = /^(.+\.)?localhost\.?$/i;

/**
 * Asks the DNS for all addresses of a name. Rejects when there is none, and after 3 s. It does not use `dns.lookup`,
 * which occupies one of the few threads of the process for as long as a name server is silent. Hence the hosts file and
 * search domains do not count, and names must be complete. `servers`: other name servers than those of the system.
 */
export const resolverOf =
  (servers?: readonly string[]): ResolveHost =>
  async (hostname) => {
    if (LOCALHOST.test(hostname)) return [{ address: '127.0.0.1', family: 4 }];
    const resolver = new Resolver({ timeout: TRY_MS, tries: 1 });
    if (servers) resolver.setServers(servers);
    const timer = setTimeout(() => resolver.cancel(), WITHIN_MS);
    try {
      const [v4, v6] = await Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)]);
      // A family that could not be asked for may be the one that has an address, so its failure says more.
      if (v4.status === 'rejected' && v6.status === 'rejected') throw hasNoAddress(v4.reason) ? v6.reason : v4.reason;
      return [...addresses(v4, 4), ...addresses(v6, 6)];
    } finally {
      clearTimeout(timer);
    }
  };

/** What name servers answer for a name that has no address; every other failure says nothing about the name. */
const NO_ADDRESS = new Set(['ENOTFOUND', 'ENODATA']);
export const hasNoAddress = (error: unknown): boolean => error instanceof Error && 'code' in error && NO_ADDRESS.has(String(error.code));

const addresses = (found: PromiseSettledResult<string[]>, family: 4 | 6): LookupAddress[] =>
  found.status === 'fulfilled' ? found.value.map((address) => ({ address, family })) : [];
