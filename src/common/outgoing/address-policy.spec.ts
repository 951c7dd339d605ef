import fc from 'fast-check';
import { AddressPolicy } from './address-policy';

const policy = new AddressPolicy();

describe('AddressPolicy', () => {
  it.each(['1.1.1.1', '8.8.8.8', '93.184.215.14', '172.32.0.1', '100.128.0.1', '2606:4700:4700::1111', '2a00:1450:4001::1'])(
    'permits the public address %s',
    (address) => expect(policy.permits(address)).toBe(true),
  );

  it.each([
    ...['0.0.0.0', '0.1.2.3', '10.0.0.1', '100.64.0.1', '127.0.0.1', '127.255.255.254', '169.254.169.254', '169.254.170.2', '172.16.0.1'],
    ...['172.31.255.255', '192.0.0.192', '192.0.2.1', '192.88.99.1', '192.168.1.1', '198.18.0.1', '198.51.100.1', '203.0.113.1'],
    ...['224.0.0.1', '239.255.255.255', '240.0.0.1', '255.255.255.255'],
    ...['::', '::1', '::127.0.0.1', '::ffff:127.0.0.1', '::ffff:8.8.8.8', '::ffff:7f00:1', '64:ff9b::7f00:1', '64:ff9b:1::1', '100::1'],
    ...['2001::1', '2001:0:7f00:1::', '2001:db8::1', '2002:7f00:1::1', '3fff::1', '5f00::1', 'fc00::1', 'fd00:ec2::254', 'fe80::1'],
    ...['fec0::1', 'ff02::1', 'fe80::1%eth0', '2606:4700::1%eth0'],
    ...['', 'localhost', '127.1', '0x7f000001', '2130706433', '1.1.1.1 ', '1.1.1.1:80'],
  ])('refuses %s', (address) => expect(policy.permits(address)).toBe(false));

  it('refuses every IPv4 address in any of the wrappings that IPv6 has for it', () => {
    fc.assert(
      fc.property(fc.nat({ max: 0xffff }), fc.nat({ max: 0xffff }), (high, low) => {
        const [h, l] = [high.toString(16), low.toString(16)];
        for (const wrapped of [`::ffff:${h}:${l}`, `::${h}:${l}`, `64:ff9b::${h}:${l}`, `2002:${h}:${l}::1`])
          expect([wrapped, policy.permits(wrapped)]).toEqual([wrapped, false]);
      }),
    );
  });

  it('permits what the operator allows, and nothing beside it', () => {
    const open = new AddressPolicy('127.0.0.1, 10.1.0.0/16,fd00::/8');
    expect(['127.0.0.1', '10.1.2.3', 'fd12::1', '8.8.8.8'].map((address) => open.permits(address))).toEqual([true, true, true, true]);
    expect(['127.0.0.2', '10.2.0.1', 'fe80::1'].map((address) => open.permits(address))).toEqual([false, false, false]);
  });

  it.each(['localhost', '10.0.0.0/33', '10.0.0.0/8/8', 'fd00::/x', '1.2.3'])('does not start with the network %s', (network) => {
    expect(() => new AddressPolicy(network)).toThrow(/WEBHOOK_ALLOWED_NETWORKS/);
  });
});
