import type { LookupAddress } from 'node:dns';
import { Resolver } from 'node:dns/promises';

export type ResolveHost = (hostname: string) => Promise<readonly LookupAddress[]>;
/** Injection token of the function that asks the resolver; tests put one in that changes its mind. */
export const RESOLVE_HOST = Symbol('RESOLVE_HOST');

const TRY_MS = 1_500;
const WITHIN_MS = 3_000;
/** RFC 6761: these names never leave the host. Whether loopback may be reached is decided like every other address. */
const LOCALHOST = /^(.+\.)?localhost\.?$/i;

/**
 * Asks the DNS for all addresses of a name; rejects when there is none, and after 3 s. Not `dns.lookup`: that one takes a
 * thread of the few that the whole process has, for as long as somebody's name server is silent. So neither the hosts file
 * nor search domains count: names must be whole. `servers`: other than the system's.
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
      if (v4.status === 'rejected' && v6.status === 'rejected') throw v4.reason;
      return [...addresses(v4, 4), ...addresses(v6, 6)];
    } finally {
      clearTimeout(timer);
    }
  };

const addresses = (found: PromiseSettledResult<string[]>, family: 4 | 6): LookupAddress[] =>
  found.status === 'fulfilled' ? found.value.map((address) => ({ address, family })) : [];
