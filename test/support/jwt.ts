import { createHmac, sign, type KeyObject } from 'node:crypto';

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** Signs any header and payload, however wrong, to make attacks with. Members that are undefined are left out. */
export function signJwt(header: Record<string, unknown>, payload: unknown, key: KeyObject | Buffer | string): string {
  const input = `${encode(header)}.${encode(payload)}`;
  return `${input}.${signature(String(header.alg), input, key)}`;
}

function signature(alg: string, input: string, key: KeyObject | Buffer | string): string {
  if (alg.startsWith('HS'))
    return createHmac(`sha${alg.slice(2)}`, key)
      .update(input)
      .digest('base64url');
  if (alg.startsWith('RS')) return sign(`sha${alg.slice(2)}`, Buffer.from(input), key).toString('base64url');
  if (alg.startsWith('ES')) {
    return sign(`sha${alg.slice(2)}`, Buffer.from(input), { key: key as KeyObject, dsaEncoding: 'ieee-p1363' }).toString('base64url');
  }
  return '';
}
