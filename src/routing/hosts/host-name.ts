import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';

const MAX_HOST_LENGTH = 253;
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
/** What a URL gives a meaning of its own, which the conversion would take for something else than a name. */
const NEVER_IN_HOSTS = /[\s/\\:@?#[\]%*]/;
/** A last label like this makes browsers read the whole name as an IPv4 address. */
const NUMBER = /^(?:[0-9]+|0x[0-9a-f]*)$/;

/** A host in its one spelling, or what is wrong with it in words that follow "the host". */
export type HostReading = { readonly host: string } | { readonly fault: string };

/**
 * Reads a host name as users write it: any case, in any script, with a final dot. Lower case and punycode come back, as RFC 1123
 * has them, and reading that again gives the same. Addresses and wildcards are refused.
 */
export function readHost(text: string): HostReading {
  if (text.includes('*')) return { fault: 'must be one name: wildcards are not supported' };
  if (isIP(text.replace(/^\[|\]$/g, '')) !== 0) return { fault: 'must be a name and not an address' };
  if (NEVER_IN_HOSTS.test(text)) return { fault: 'must be a name alone, without a scheme, port or path' };
  const host = domainToASCII(text).replace(/\.$/, '');
  if (host === '' || host.length > MAX_HOST_LENGTH) return { fault: `must be a host name of at most ${MAX_HOST_LENGTH} characters` };
  const labels = host.split('.');
  if (!labels.every((label) => LABEL.test(label))) {
    return { fault: 'must consist of labels of letters, digits and inner hyphens, of at most 63 characters each' };
  }
  if (NUMBER.test(labels.at(-1) ?? '')) return { fault: 'must be a name and not an address' };
  return domainToASCII(host) === host ? { host } : { fault: 'must have one spelling' };
}

/** True for `domain` itself and for every name below it. Both are canonical. */
export const isUnder = (host: string, domain: string): boolean => host === domain || host.endsWith(`.${domain}`);

/** The label of an owner whose name cannot stand in a host. */
const OWNER_ID_LABEL = /^u-[0-9a-f]{32}$/;

/**
 * The label below ROUTES_DOMAIN that belongs to this project alone: its name, which for a personal one is the user name, or, if that cannot
 * be a label, one made of its id. A name that looks like an id gives way to its own id too, so no two projects share a label.
 */
export function ownerLabel({ id, name }: { readonly id: string; readonly name: string }): string {
  const plain = LABEL.test(name) && !OWNER_ID_LABEL.test(name) && !name.startsWith('xn--');
  return plain ? name : `u-${id.replaceAll('-', '')}`;
}
