import { credentialFor, parseRegistryServer } from './registry-credential';

describe('credentials of registries', () => {
  it.each([
    ['ghcr.io', { host: 'ghcr.io', port: 443, path: '' }],
    ['Registry.Example.org:5000/team/a', { host: 'registry.example.org', port: 5000, path: 'team/a' }],
    ['index.docker.io', { host: 'docker.io', port: 443, path: '' }],
    ['127.0.0.1:5000', { host: '127.0.0.1', port: 5000, path: '' }],
    ['https://ghcr.io', null],
    ['ghcr.io/', null],
    ['ghcr.io:0', null],
    ['user@ghcr.io', null],
    ['', null],
  ])('are for %s', (text, expected) => {
    expect(parseRegistryServer(text)).toEqual(expected);
  });

  const of = (...servers: string[]) => servers.map((server, index) => ({ server, index }));

  it.each([
    ['ghcr.io/acme/a:1', of('ghcr.io', 'ghcr.io/acme', 'ghcr.io/ac'), 1],
    ['ghcr.io/acme/a:1', of('ghcr.io', 'ghcr.io'), 0],
    ['ghcr.io/acmeplus/a:1', of('ghcr.io/acme'), null],
    ['ghcr.io:443/acme/a', of('ghcr.io/acme'), 0],
    ['ghcr.io:444/acme/a', of('ghcr.io/acme'), null],
    ['nginx:1', of('docker.io'), 0],
    ['nginx:1', of('ghcr.io'), null],
    ['evil.ghcr.io/a', of('ghcr.io'), null],
    ['not an image', of('docker.io'), null],
  ])('%s gets the most specific one', (image, credentials, expected) => {
    expect(credentialFor(image, credentials)?.index ?? null).toBe(expected);
  });
});
