import { Inject, Injectable } from '@nestjs/common';
import type { LookupAddress } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { AppConfig } from '../../config/app-config';
import { AddressPolicy } from '../../common/outgoing/address-policy';
import { hasNoAddress, RESOLVE_HOST, type ResolveHost } from '../../common/outgoing/resolve-host';

const MAX_URL_LENGTH = 2_048;
/** Ports above 1023 on which something else than a web server usually listens. */
const OTHER_SERVICES = new Set([
  ...[
    1080, 1099, 1433, 1521, 2049, 2181, 2375, 2376, 2377, 2379, 2380, 3128, 3268, 3306, 3389, 4369, 5432, 5601, 5672, 5900, 5984, 5985,
    6000,
  ],
  ...[6379, 6443, 6667, 7001, 7946, 8500, 9042, 9092, 9100, 9160, 9200, 9300, 10_250, 10_255, 11_211, 15_672, 26_379, 27_017, 50_000],
]);

/** Why a target is refused, in words for its owner that tell nothing about our network. */
export class TargetRefused extends Error {}

/** No name server could be asked for the host of a target, which says nothing about the target. */
export class TargetUnknown extends Error {}

/**
 * Decides which addresses webhooks may go to: when one is saved, and again for every connection, with the address that
 * it really uses.
 */
@Injectable()
export class WebhookTargets {
  private readonly policy: AddressPolicy;

  constructor(
    private readonly config: AppConfig,
    @Inject(RESOLVE_HOST) private readonly resolve: ResolveHost,
  ) {
    this.policy = new AddressPolicy(config.WEBHOOK_ALLOWED_NETWORKS);
  }

  /** Checks all that can be seen of the URL itself. Throws TargetRefused. */
  read(text: string): URL {
    const url = URL.canParse(text) ? new URL(text) : null;
    if (!url || text.length > MAX_URL_LENGTH) throw new TargetRefused('url must be an absolute URL of at most 2048 characters');
    const isHttp = url.protocol === 'http:';
    if (url.protocol !== 'https:' && !(isHttp && this.config.WEBHOOK_ALLOW_HTTP)) throw new TargetRefused('url must begin with https://');
    if (url.username !== '' || url.password !== '') throw new TargetRefused('url must not hold a user name or password');
    if (url.hash !== '') throw new TargetRefused('url must not have a fragment');
    const port = url.port === '' ? (isHttp ? 80 : 443) : Number(url.port);
    const isUsual = port === 443 || (isHttp && port === 80) || port >= 1_024;
    if (!isUsual || OTHER_SERVICES.has(port)) throw new TargetRefused(`url must not use port ${String(port)}`);
    const host = literalOf(url);
    if (isIP(host) !== 0 && !this.policy.permits(host)) throw new TargetRefused(NOT_PUBLIC);
    return url;
  }

  /** As `read`, and asks the resolver. Throws TargetRefused also when the name is not known, and TargetUnknown when nobody can tell. */
  async check(text: string): Promise<void> {
    const url = this.read(text);
    if (hasName(url)) await this.addressesOf(url.hostname);
  }

  permits(address: string): boolean {
    return this.policy.permits(address);
  }

  /**
   * The lookup for `http.request`. The connection uses the address that was checked; a second question to the resolver
   * might give another.
   */
  readonly lookup: LookupFunction = (hostname, { all }, callback) => {
    this.addressesOf(hostname).then(
      (addresses) => {
        const [first] = addresses;
        if (all === true) callback(null, [...addresses]);
        else callback(null, first?.address ?? '', first?.family);
      },
      (error: unknown) => callback(error as NodeJS.ErrnoException, '', 0),
    );
  };

  /** Throws when one of the addresses is forbidden, because a connection may use any of them. */
  private async addressesOf(hostname: string): Promise<readonly LookupAddress[]> {
    let addresses: readonly LookupAddress[];
    try {
      addresses = await this.resolve(hostname);
    } catch (cause) {
      if (hasNoAddress(cause)) throw new TargetRefused('The host of url cannot be resolved', { cause });
      throw new TargetUnknown('No name server answers for the host of url at the moment', { cause });
    }
    if (addresses.length === 0) throw new TargetRefused('The host of url cannot be resolved');
    if (!addresses.every(({ address }) => this.policy.permits(address))) throw new TargetRefused(NOT_PUBLIC);
    return addresses;
  }
}

const NOT_PUBLIC = 'url must lead to a public address';

/** Whether the host is a name that needs a resolver, and not an address. */
export const hasName = (url: URL): boolean => isIP(literalOf(url)) === 0;

/** The host without the brackets of IPv6. URL has turned all spellings of an IPv4 address into the usual one. */
const literalOf = ({ hostname }: URL): string => hostname.replace(/^\[(.*)\]$/, '$1');
