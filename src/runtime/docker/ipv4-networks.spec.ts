import fc from 'fast-check';
import { freeNetwork } from './ipv4-networks';

const pool = { cidr: '198.18.0.0/15', prefixLength: 24 };

describe('freeNetwork', () => {
  it.each([
    ['the place that the seed names', [], 3, '198.18.3.0/24'],
    ['the next one where that is taken', ['198.18.3.0/24', '198.18.4.128/25'], 3, '198.18.5.0/24'],
    ['the beginning after the end', ['198.19.255.0/24'], 511, '198.18.0.0/24'],
    ['the other half where a large one lies over the first', ['198.18.0.0/16'], 0, '198.19.0.0/24'],
    ['what is left when everything in front is taken by what is no IPv4', ['fd00::/64', 'nonsense'], 0, '198.18.0.0/24'],
  ])('is %s', (_what, taken, seed, network) => {
    expect(freeNetwork(pool, taken, seed)).toBe(network);
  });

  it.each([[['198.18.0.0/15']], [['0.0.0.0/0']], [['198.18.0.0/16', '198.19.0.0/16']]])('is none when %j are taken', (taken) => {
    expect(freeNetwork(pool, taken, 7)).toBeNull();
  });

  it('gives as many networks as fit into the pool, each once', () => {
    fc.assert(
      fc.property(fc.integer({ min: 16, max: 24 }), fc.integer({ min: 0, max: 6 }), fc.nat(), (prefix, more, seed) => {
        const taken: string[] = [];
        for (;;) {
          const network = freeNetwork({ cidr: `10.0.0.0/${prefix}`, prefixLength: prefix + more }, taken, seed);
          if (network === null) break;
          taken.push(network);
        }
        expect(new Set(taken).size).toBe(2 ** more);
      }),
    );
  });
});
