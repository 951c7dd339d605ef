import { isIP } from 'node:net';
import { commaList } from './comma-list';

export interface Network {
  /** As it was given. */
  readonly text: string;
  readonly address: string;
  readonly prefix: number;
  readonly family: 'ipv4' | 'ipv6';
}

/**
 * The addresses and CIDR ranges in a setting, separated by commas; empty for a blank setting. Throws in words for
 * anything else.
 */
export function networksOf(setting: string, listed: string): Network[] {
  return commaList(listed).map((text) => {
    const [address = '', length, ...rest] = text.split('/');
    const bits = isIP(address) === 4 ? 32 : 128;
    const prefix = length === undefined ? bits : /^\d{1,3}$/.test(length) ? Number(length) : Infinity;
    if (isIP(address) === 0 || prefix > bits || rest.length > 0) {
      throw new Error(`${setting} must list addresses or CIDR ranges, separated by commas; this is neither: ${text}`);
    }
    return { text, address, prefix, family: bits === 32 ? 'ipv4' : 'ipv6' };
  });
}
