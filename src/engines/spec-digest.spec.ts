import type { ContainerSpec } from './container-spec';
import { specDigest } from './spec-digest';

const spec: ContainerSpec = {
  image: 'nginx:1.27',
  command: null,
  env: { A: '1', B: '2' },
  resources: { cpuCores: 1, memoryMb: 512, gpuUnits: 0, storageGb: 10 },
  ports: [{ containerPort: 80, protocol: 'tcp' }],
  healthCheck: null,
};

describe('the digest of a spec', () => {
  it('is the same whatever the order of members, and where defaults of older revisions are spelt out', () => {
    const turned: ContainerSpec = {
      ...spec,
      env: { B: '2', A: '1' },
      resources: { storageGb: 10, gpuUnits: 0, memoryMb: 512, cpuCores: 1 },
    };
    expect(specDigest(turned)).toBe(specDigest(spec));
    expect(specDigest({ ...spec, readOnlyRoot: false, restart: 'always' })).toBe(specDigest(spec));
  });

  it.each<[string, Partial<ContainerSpec>]>([
    ['the image', { image: 'nginx:1.28' }],
    ['a value of env', { env: { A: '1', B: '3' } }],
    ['the order of a command', { command: ['b', 'a'] }],
    ['an empty command', { command: [] }],
    ['a port', { ports: [{ containerPort: 80, protocol: 'udp' }] }],
    ['the resources', { resources: { ...spec.resources, cpuCores: 2 } }],
    ['the restart policy', { restart: 'never' }],
    ['the root', { readOnlyRoot: true }],
  ])('differs with %s', (_what, change) => {
    expect(specDigest({ ...spec, ...change })).not.toBe(specDigest(spec));
  });

  it('does not take a map for a list of its entries', () => {
    expect(specDigest({ ...spec, env: {}, command: ['A', '1'] })).not.toBe(specDigest({ ...spec, env: { A: '1' }, command: [] }));
  });
});
