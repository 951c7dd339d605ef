import { networksOf } from './networks';

describe('networksOf', () => {
  it('reads addresses and ranges of both families', () => {
    expect(networksOf('X', ' 10.0.0.0/8, 192.0.2.1 ,2001:db8::/32,::1')).toEqual([
      { text: '10.0.0.0/8', address: '10.0.0.0', prefix: 8, family: 'ipv4' },
      { text: '192.0.2.1', address: '192.0.2.1', prefix: 32, family: 'ipv4' },
      { text: '2001:db8::/32', address: '2001:db8::', prefix: 32, family: 'ipv6' },
      { text: '::1', address: '::1', prefix: 128, family: 'ipv6' },
    ]);
  });

  it.each(['', ' ', ',', ' , '])('reads %j as none', (listed) => {
    expect(networksOf('X', listed)).toEqual([]);
  });

  it.each(['proxy', '10.0.0.0/33', '10.0.0.0/', '10.0.0.0/-1', '10.0.0.0/8/8', '10.0.0/8', '::/129', '/8', '10.0.0.1/1e1'])(
    'refuses %s, in words that name the setting and the fault',
    (listed) => {
      expect(() => networksOf('TRUSTED', `127.0.0.1,${listed}`)).toThrow(
        `TRUSTED must list addresses or CIDR ranges, separated by commas; this is neither: ${listed}`,
      );
    },
  );
});
