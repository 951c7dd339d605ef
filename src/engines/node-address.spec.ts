import { isNodeAddress, reachedAt } from './node-address';

const here = { address: null, endpoint: null };
const there = { address: null, endpoint: 'tcp://10.0.0.5:2376' };

describe('the address of a node', () => {
  it.each(['10.0.0.5', 'fd00::5', 'edge-7', 'edge-7.lan', 'EDGE.example', 'a'.repeat(63)])('may be %s', (text) => {
    expect(isNodeAddress(text)).toBe(true);
  });

  it.each([
    ...['', ' ', '0.0.0.0', '::', '10.0.0.5:80', '[fd00::5]', 'fe80::1%eth0', 'http://edge', 'edge/7', 'edge_7', '-edge', 'edge-', 'a..b'],
    ...['edge.', '127.1', '0x7f.1', '2130706433', 'edge\r\nHost: x', 'a'.repeat(64), 'a.'.repeat(127) + 'a'],
    ...[7, null, ['edge']],
  ])('may not be %j', (value) => {
    expect(isNodeAddress(value)).toBe(false);
  });
});

describe('where a published port is reached', () => {
  it.each([
    ['on this machine at the loopback address', here, '0.0.0.0', '127.0.0.1'],
    ['behind a socket likewise', { address: null, endpoint: 'unix:///run/docker.sock' }, '::', '127.0.0.1'],
    ['at the one address that it is bound to', here, '192.168.1.4', '192.168.1.4'],
    ['at the loopback address of this machine', here, '127.0.0.1', '127.0.0.1'],
    ['at the host of the endpoint', there, '0.0.0.0', '10.0.0.5'],
    ['at an endpoint in IPv6', { address: null, endpoint: 'tcp://[fd00::5]:2376' }, '::', 'fd00::5'],
    ['at the one address of another machine', there, '10.9.0.5', '10.9.0.5'],
    ['at the address that was set', { ...there, address: 'edge-7.lan' }, '', 'edge-7.lan'],
    ['through a tunnel to the engine', { address: null, endpoint: 'tcp://127.0.0.1:2375' }, '127.0.0.1', '127.0.0.1'],
  ])('is %s', (_where, node, hostIp, host) => {
    expect(reachedAt(node, { hostIp, hostPort: 32_768 })).toEqual({ host, port: 32_768 });
  });

  it.each([
    ['of another machine', there],
    ['of a machine with an address of its own', { address: 'edge-7.lan', endpoint: null }],
  ])('is nowhere for the loopback address %s', (_whose, node) => {
    expect(reachedAt(node, { hostIp: '127.0.0.1', hostPort: 32_768 })).toBeNull();
  });
});

describe('a port that a machine which dials us has reported', () => {
  const reported = (address: string | null, hostIp: string) =>
    reachedAt({ address, endpoint: null, runtime: 'agent' }, { hostIp, hostPort: 80 });

  it.each(['127.0.0.1', '0.0.0.0', '10.0.0.9', '169.254.169.254'])(
    'leads nowhere at %s while no administrator says where it is',
    (hostIp) => expect(reported(null, hostIp)).toBeNull(),
  );

  it('leads to the address that an administrator has set, whatever was reported', () => {
    expect(reported('10.0.0.5', '169.254.169.254')).toEqual({ host: '10.0.0.5', port: 80 });
    expect(reported('10.0.0.5', '127.0.0.1')).toBeNull();
    expect(reported('127.0.0.1', '127.0.0.1')).toEqual({ host: '127.0.0.1', port: 80 });
  });
});
