import { goesPastProxy } from './no-proxy';

describe('NO_PROXY', () => {
  it.each([
    ['', 'https://fog.example.org', false],
    ['*', 'https://fog.example.org', true],
    ['example.org', 'https://fog.example.org', true],
    ['.example.org', 'https://fog.example.org', true],
    ['*.example.org', 'https://fog.example.org', true],
    ['ample.org', 'https://fog.example.org', false],
    ['other.org, FOG.example.org', 'https://fog.example.org', true],
    ['fog.example.org:443', 'https://fog.example.org', true],
    ['fog.example.org:8443', 'https://fog.example.org', false],
    ['fog.example.org:8443', 'https://fog.example.org:8443', true],
    ['10.0.0.1', 'http://10.0.0.1:8000', true],
    ['[::1]', 'http://[::1]:8000', true],
    ['::1', 'http://[::1]:8000', false],
  ])('%j of %s: %s', (noProxy, url, past) => {
    expect(goesPastProxy(new URL(url), noProxy)).toBe(past);
  });
});
