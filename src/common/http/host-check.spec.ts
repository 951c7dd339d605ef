import { hostName } from './host-check';

describe('hostName', () => {
  it.each([
    ['fog.example.org', 'fog.example.org'],
    ['FOG.Example.org:8443', 'fog.example.org'],
    ['fog.example.org.', 'fog.example.org'],
    ['127.0.0.1:8000', '127.0.0.1'],
    ['[::1]:8000', '::1'],
    ['[2001:DB8:0::1]', '2001:db8::1'],
    ['2130706433', '127.0.0.1'],
    ['fog_compute:8000', 'fog_compute'],
    ['münchen.example', 'xn--mnchen-3ya.example'],
  ])('of %p is %p', (host, name) => {
    expect(hostName(host)).toBe(name);
  });

  it.each(['', ':8000', 'a b', 'a/b', 'user@fog', 'fog:99999', 'a,b/', '[::1', 'fog?x'])('of %p is nothing', (host) => {
    expect(hostName(host)).toBeNull();
  });
});
