import { aSpec } from '../../../test/contract/runtime-under-test';
import { sharedOf } from './shared';

describe('the image pull Secret of a replica', () => {
  /** For which images its credential is. */
  const placesFor = (image: string, server: string): string[] => {
    const registry = { revision: 'r-1', server, username: 'puller', password: 'a-password' };
    const secrets = sharedOf(aSpec({ image, registry }), 'installation').filter(({ type }) => type === 'kubernetes.io/dockerconfigjson');
    return secrets.flatMap(({ stringData }) => {
      const config = JSON.parse(String(Reflect.get(Object(stringData), '.dockerconfigjson'))) as { auths?: object };
      return Object.keys(config.auths ?? {});
    });
  };

  it.each([
    ['ghcr.io/acme/app:1', 'ghcr.io', 'ghcr.io'],
    ['ghcr.io/acme/app:1', 'ghcr.io/acme', 'ghcr.io/acme'],
    ['registry.example.org/app:1', 'registry.example.org:443', 'registry.example.org'],
    ['registry.example.org:443/app:1', 'registry.example.org', 'registry.example.org:443'],
    ['registry.example.org:5000/team/app:1', 'Registry.example.org:5000/team', 'registry.example.org:5000/team'],
    ['nginx:1', 'index.docker.io', 'docker.io'],
  ])('for %s with the credential for %s names %s, as the machines of the cluster compare it', (image, server, place) => {
    expect(placesFor(image, server)).toEqual([place]);
  });
});
