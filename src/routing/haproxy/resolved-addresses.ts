import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';

const KEPT_MS = 30_000;

/** Addresses of replicas with IP addresses in the place of names, which HAProxy does not take at run time. */
export class ResolvedAddresses {
  private readonly known = new Map<string, { readonly ip: string | undefined; readonly at: number }>();

  /** Looks up the names of these that were not looked up lately. A name that cannot be found keeps what it had. */
  async prepare(addresses: Iterable<string>): Promise<void> {
    const names = new Set([...addresses].map((address) => partsOf(address).host).filter((host) => host !== '' && isIP(host) === 0));
    const isOld = (name: string): boolean => performance.now() - (this.known.get(name)?.at ?? -Infinity) > KEPT_MS;
    await Promise.all(
      [...names].filter(isOld).map(async (name) => {
        const ip = await lookup(name).then(
          ({ address }) => address,
          () => this.known.get(name)?.ip,
        );
        this.known.set(name, { ip, at: performance.now() });
      }),
    );
  }

  /** The address with an IP address, as HAProxy writes it. Undefined for a name that is not known. */
  of(address: string): string | undefined {
    const { host, port } = partsOf(address);
    const ip = isIP(host) === 0 ? this.known.get(host)?.ip : host;
    if (ip === undefined || port === '') return undefined;
    return isIP(ip) === 6 ? `[${ip}]:${port}` : `${ip}:${port}`;
  }
}

function partsOf(address: string): { host: string; port: string } {
  const colon = address.lastIndexOf(':');
  return colon < 0 ? { host: '', port: '' } : { host: address.slice(0, colon).replace(/^\[|\]$/g, ''), port: address.slice(colon + 1) };
}
