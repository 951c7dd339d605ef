import { BlockList, isIP } from 'node:net';
import { networksOf } from '../networks';

/** Everything that is not a public unicast address (IANA's special-purpose registries). */
const REFUSED_V4 = [
  ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/24', '192.0.2.0/24'],
  ...['192.88.99.0/24', '192.168.0.0/16', '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24', '224.0.0.0/4', '240.0.0.0/4'],
];
/**
 * Public IPv6 is 2000::/3. Within it, Teredo, 6to4 and the like lead to IPv4 addresses, and documentation addresses
 * lead nowhere.
 */
const PUBLIC_V6 = '2000::/3';
const REFUSED_V6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'];

/** Decides which addresses requests of users may reach: public ones, and what the operator allows by name. */
export class AddressPolicy {
  private readonly refused = blockList('The refused networks', [...REFUSED_V4, ...REFUSED_V6].join());
  private readonly publicV6 = blockList('The public networks', PUBLIC_V6);
  private readonly allowed: BlockList;

  /** `allowedNetworks`: addresses or CIDR ranges, separated by commas. Throws in words for anything else. */
  constructor(allowedNetworks = '') {
    this.allowed = blockList('WEBHOOK_ALLOWED_NETWORKS', allowedNetworks);
  }

  /** Whether `address`, in the form of a resolver, may be reached. Texts that are no address, or have a zone, may not. */
  permits(address: string): boolean {
    const family = isIP(address);
    if (family === 0 || address.includes('%')) return false;
    const type = family === 4 ? 'ipv4' : 'ipv6';
    if (this.allowed.check(address, type)) return true;
    return (family === 4 || this.publicV6.check(address, type)) && !this.refused.check(address, type);
  }
}

function blockList(setting: string, networks: string): BlockList {
  const list = new BlockList();
  for (const { address, prefix, family } of networksOf(setting, networks)) list.addSubnet(address, prefix, family);
  return list;
}
