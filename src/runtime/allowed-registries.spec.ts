import { EnginesConfig } from '../config/sections/engines-config';
import { AllowedRegistries } from './allowed-registries';

const allowed = (list: string, image: string): boolean => new AllowedRegistries(list).allows(image);

describe('the registries that engines may be sent to', () => {
  const byDefault = new AllowedRegistries(new EnginesConfig().ALLOWED_REGISTRIES);

  it.each([
    'nginx',
    'library/nginx:1',
    'docker.io/acme/web',
    'index.docker.io/nginx',
    'ghcr.io/acme/web:1',
    'ghcr.io:443/a/b',
    'QUAY.io/a/b',
  ])('are open to %s by default', (image) => {
    expect(byDefault.allows(image)).toBe(true);
  });

  it.each([
    '10.0.0.7:5000/a/b',
    '169.254.169.254/latest/meta-data',
    '127.0.0.1:2375/a',
    '[::1]/a',
    '[fd00::5]:5000/a',
    'localhost/a',
    'localhost:5000/a',
    'redis:6379/a',
    'INTRANET/a',
    'ghcr.io:22/a',
    'ghcr.io.evil.example/a',
    'registry.evil.example/a',
    'not an image',
  ])('are closed to %s by default', (image) => {
    expect(byDefault.allows(image)).toBe(false);
  });

  it('are those that the list names, with port and path', () => {
    const list = 'registry.corp:5000, ghcr.io/acme ,[fd00::5]:5000,10.0.0.7';
    const images = ['registry.corp:5000/a', 'ghcr.io/acme', 'ghcr.io/acme/web:1', '[fd00::5]:5000/a', '10.0.0.7/a'];
    expect(images.filter((image) => allowed(list, image))).toEqual(images);
    for (const image of ['registry.corp/a', 'registry.corp:5001/a', 'ghcr.io/acme2/web', 'ghcr.io/a/acme', '10.0.0.7:80/a', 'nginx'])
      expect(allowed(list, image)).toBe(false);
  });

  it('are names below a domain, but never the domain of another', () => {
    expect(allowed('*.pkg.dev', 'europe-docker.pkg.dev/p/r/i')).toBe(true);
    for (const image of ['pkg.dev/a', 'evilpkg.dev/a', 'a.pkg.dev:8443/a', 'a.pkg.dev.evil.example/a'])
      expect(allowed('*.pkg.dev', image)).toBe(false);
  });

  it('are all public names with an asterisk, and nothing that is an address or a name of the inside', () => {
    expect(['nginx', 'registry.example.com/a', 'ghcr.io/a'].every((image) => allowed('*', image))).toBe(true);
    for (const host of [
      '10.0.0.7',
      '127.1',
      '0x7f.0x1',
      '192.168.0.1:443',
      '[::1]',
      'localhost',
      'a.localhost',
      'redis:443',
      'a.internal',
      'ghcr.io:5000',
    ])
      expect([host, allowed('*', `${host}/a`)]).toEqual([host, false]);
    expect(allowed('*/acme', 'ghcr.io/acme/web')).toBe(true);
    expect(allowed('*/acme', 'ghcr.io/other/web')).toBe(false);
  });

  it('are none where the list says so', () => {
    expect(allowed('none', 'nginx')).toBe(false);
    expect(allowed('none', 'none/nginx')).toBe(false);
  });
});
