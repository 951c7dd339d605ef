import type { WorkloadSpec } from '../runtime-driver';
import { containerName, containerPayload } from './container-payload';

const spec: WorkloadSpec = {
  replicaId: '0f0e0d0c-0b0a-4908-8706-050403020100',
  deploymentId: 'd0d0d0d0-0000-4000-8000-000000000000',
  deploymentName: 'web-api',
  generation: 7,
  image: 'nginx:1.27',
  command: null,
  env: {},
  ports: [],
  healthCheck: null,
  labels: {},
  resources: { cpuCores: 1.005, memoryMb: 512, gpuUnits: 0, storageGb: 10 },
};
const owner = { installationId: 'ours', publishAddress: '127.0.0.1' };
const payload = (over: Partial<WorkloadSpec> = {}) => containerPayload({ ...spec, ...over }, owner);

describe('containerPayload', () => {
  it('leaves the command and the health check of the image alone unless the deployment has its own', () => {
    expect(payload()).not.toHaveProperty('Cmd');
    expect(payload()).not.toHaveProperty('Healthcheck');
    expect(payload({ command: ['sh', '-c', 'x'] }).Cmd).toEqual(['sh', '-c', 'x']);
    const healthCheck = { command: ['curl', 'x'], intervalSeconds: 10, timeoutSeconds: 3, retries: 2, startPeriodSeconds: 5 };
    expect(payload({ healthCheck }).Healthcheck).toEqual({
      Test: ['CMD', 'curl', 'x'],
      Interval: 10e9,
      Timeout: 3e9,
      Retries: 2,
      StartPeriod: 5e9,
    });
  });

  it('says nothing about GPUs unless some are asked for', () => {
    expect(payload().HostConfig).not.toHaveProperty('DeviceRequests');
    expect(payload({ resources: { ...spec.resources, gpuUnits: 2 } }).HostConfig?.DeviceRequests).toEqual([
      { Driver: '', Count: 2, Capabilities: [['gpu']] },
    ]);
  });

  it('asks for whole nano-CPUs and equal memory and swap', () => {
    expect(payload().HostConfig).toMatchObject({ NanoCpus: 1_005_000_000, Memory: 536_870_912, MemorySwap: 536_870_912 });
  });

  it('publishes only what was asked for, on the configured address, on a port that the engine picks', () => {
    const { HostConfig: host, ExposedPorts: exposed } = payload({ ports: [{ containerPort: 53, protocol: 'udp' }] });
    expect(host?.PortBindings).toEqual({ '53/udp': [{ HostIp: '127.0.0.1', HostPort: '' }] });
    expect(exposed).toEqual({ '53/udp': {} });
  });

  it('has no privileges, no host namespaces and no way to more', () => {
    expect(payload().HostConfig).toMatchObject({
      Privileged: false,
      NetworkMode: 'bridge',
      IpcMode: 'private',
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges'],
      PidsLimit: 256,
      RestartPolicy: { Name: 'no' },
      PublishAllPorts: false,
    });
  });

  it('has no field but these, whatever else is in the object it gets', () => {
    const smuggled = { ...spec, Privileged: true, HostConfig: { Binds: ['/:/host'] }, user: 'root' };
    expect(Object.keys(containerPayload(smuggled, owner)).sort()).toEqual(
      ['Env', 'ExposedPorts', 'HostConfig', 'Image', 'Labels', 'OpenStdin', 'Tty', 'name'].sort(),
    );
    expect(Object.keys(containerPayload(smuggled, owner).HostConfig ?? {}).sort()).toEqual(
      [
        'AutoRemove',
        'CapAdd',
        'CapDrop',
        'Init',
        'IpcMode',
        'LogConfig',
        'Memory',
        'MemorySwap',
        'NanoCpus',
        'NetworkMode',
        'PidsLimit',
        'PortBindings',
        'Privileged',
        'PublishAllPorts',
        'RestartPolicy',
        'SecurityOpt',
      ].sort(),
    );
  });

  it('makes a name that every engine takes, always the same for a replica', () => {
    expect(containerName(spec)).toBe('fog-web-api-0f0e0d0c0b0a');
    expect(containerName({ ...spec, deploymentName: 'ä/ '.repeat(50) })).toMatch(/^fog-[A-Za-z0-9._-]{40}-0f0e0d0c0b0a$/);
  });
});
