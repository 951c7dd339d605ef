import type { WorkloadSpec } from '../runtime-driver';
import type { EngineIsolation } from '../../engines/engine-isolation';
import { containerName, containerPayload, type ContainerPlace } from './container-payload';

const spec: WorkloadSpec = {
  replicaId: '0f0e0d0c-0b0a-4908-8706-050403020100',
  deploymentId: 'd0d0d0d0-0000-4000-8000-000000000000',
  deploymentName: 'web-api',
  ownerId: 'ada',
  generation: 7,
  image: 'nginx:1.27',
  command: null,
  env: {},
  ports: [],
  healthCheck: null,
  labels: {},
  resources: { cpuCores: 1.005, memoryMb: 512, gpuUnits: 0, storageGb: 10 },
};
const isolation: EngineIsolation = {
  ociRuntimes: ['runc'],
  defaultOciRuntime: 'runc',
  userNamespaces: false,
  rootless: false,
  seccomp: 'default',
  appArmor: false,
  selinux: false,
  storageLimit: 'not_enforced',
};
const place: ContainerPlace = {
  installationId: 'ours',
  publishAddress: '127.0.0.1',
  network: 'fog-0123456789a',
  isolation,
  ociRuntime: null,
  extraCapabilities: [],
  openFiles: 4096,
};
const image = { id: 'sha256:1', labelNames: [] as string[], volumes: [] as string[] };
const payload = (over: Partial<WorkloadSpec> = {}, at: Partial<ContainerPlace> = {}) =>
  containerPayload({ ...spec, ...over }, { ...place, ...at }, image);

describe('containerPayload', () => {
  it('leaves the command of the image alone unless the deployment has its own, and never runs its health check', () => {
    expect(payload()).not.toHaveProperty('Cmd');
    expect(payload().Healthcheck).toEqual({ Test: ['NONE'] });
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

  it('is made from the image that was looked at, without the values of its labels', () => {
    const made = containerPayload(spec, place, { ...image, labelNames: ['traefik.enable', 'fog-compute.installation'] });
    expect(made.Image).toBe('sha256:1');
    expect(made.Labels).toMatchObject({ 'traefik.enable': '', 'fog-compute.installation': 'ours', 'fog-compute.image': 'nginx:1.27' });
  });

  it('gives the volumes of the image our labels', () => {
    const made = containerPayload(spec, place, { ...image, volumes: ['/data'] });
    const labels = { 'fog-compute.installation': 'ours', 'fog-compute.replica': spec.replicaId };
    expect(made.HostConfig?.Mounts).toMatchObject([{ Type: 'volume', Source: '', Target: '/data', VolumeOptions: { Labels: labels } }]);
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
      NetworkMode: 'fog-0123456789a',
      IpcMode: 'private',
      CapDrop: ['ALL'],
      CapAdd: ['CHOWN', 'FOWNER', 'FSETID', 'KILL', 'NET_BIND_SERVICE'],
      SecurityOpt: ['no-new-privileges'],
      Ulimits: [
        { Name: 'core', Soft: 0, Hard: 0 },
        { Name: 'nofile', Soft: 4096, Hard: 4096 },
      ],
      PidsLimit: 256,
      // Half of the memory.
      ShmSize: 256 * 1024 * 1024,
      RestartPolicy: { Name: 'no' },
      PublishAllPorts: false,
    });
  });

  it('has no field but these, whatever else is in the object it gets', () => {
    const smuggled = { ...spec, Privileged: true, HostConfig: { Binds: ['/:/host'] }, user: 'root' };
    expect(Object.keys(containerPayload(smuggled, place, image)).sort()).toEqual(
      ['Env', 'ExposedPorts', 'Healthcheck', 'HostConfig', 'Image', 'Labels', 'NetworkingConfig', 'OpenStdin', 'Tty', 'name'].sort(),
    );
    expect(Object.keys(containerPayload(smuggled, place, image).HostConfig ?? {}).sort()).toEqual(
      [
        'AutoRemove',
        'CapAdd',
        'CapDrop',
        'Init',
        'IpcMode',
        'LogConfig',
        'Memory',
        'MemorySwap',
        'Mounts',
        'NanoCpus',
        'NetworkMode',
        'PidsLimit',
        'PortBindings',
        'Privileged',
        'PublishAllPorts',
        'ReadonlyRootfs',
        'RestartPolicy',
        'SecurityOpt',
        'ShmSize',
        'Ulimits',
      ].sort(),
    );
  });

  it('names the profiles of an engine that has them', () => {
    const host = payload({}, { isolation: { ...isolation, seccomp: 'builtin', appArmor: true } }).HostConfig;
    expect(host?.SecurityOpt).toEqual(['no-new-privileges', 'seccomp=builtin', 'apparmor=docker-default']);
    expect(payload({}, { isolation: { ...isolation, seccomp: 'custom' } }).HostConfig?.SecurityOpt).toEqual(['no-new-privileges']);
  });

  it('runs under the OCI runtime of the node, with the capabilities that the operator adds', () => {
    expect(payload().HostConfig).not.toHaveProperty('Runtime');
    const host = payload({}, { ociRuntime: 'runsc', extraCapabilities: ['SETUID'] }).HostConfig;
    expect(host).toMatchObject({ Runtime: 'runsc', CapAdd: ['CHOWN', 'FOWNER', 'FSETID', 'KILL', 'NET_BIND_SERVICE', 'SETUID'] });
  });

  it.each(['enforced', 'unknown'] as const)('is held to its storage where that is %s', (storageLimit) => {
    expect(payload({}, { isolation: { ...isolation, storageLimit } }).HostConfig?.StorageOpt).toEqual({ size: '10737418240' });
  });

  it('has a small /tmp of its own when its root cannot be written', () => {
    expect(payload().HostConfig).toMatchObject({ ReadonlyRootfs: false });
    expect(payload({ readOnlyRoot: true }).HostConfig).toMatchObject({
      ReadonlyRootfs: true,
      Tmpfs: { '/tmp': 'rw,noexec,nosuid,nodev,size=64m,mode=1777' },
    });
  });

  it('refuses a volume above one of the image, which would hide what is written there', () => {
    const volumes = [{ id: 'v1', name: 'db', path: '/var/lib/postgresql', sizeGb: 1, readOnly: false, wasMade: false }];
    const make = (path: string) => () => containerPayload({ ...spec, volumes }, place, { ...image, volumes: [path] });
    expect(make('/var/lib/postgresql/data/')).toThrow('mount the volume at /var/lib/postgresql/data');
    expect(make('/var/lib/postgresql-other')).not.toThrow();
    expect(make('/var/lib')).not.toThrow();
  });

  it('mounts volumes of its project by their ids, in the place of those that the image asks for there', () => {
    const volumes = [{ id: 'v1', name: 'data', path: '/data', sizeGb: 1, readOnly: true, wasMade: false }];
    const made = containerPayload({ ...spec, volumes }, place, { ...image, volumes: ['/data/', '/other'] });
    const [own, others, ...rest] = made.HostConfig?.Mounts ?? [];
    expect(own).toEqual({ Type: 'volume', Source: 'fog-volume-v1', Target: '/data', ReadOnly: true });
    expect([others?.Target, rest]).toEqual(['/other', []]);
  });

  it('is in the network of its owner, under the name of its deployment', () => {
    expect(payload().NetworkingConfig).toEqual({ EndpointsConfig: { 'fog-0123456789a': { Aliases: ['web-api'] } } });
    expect(payload().Labels).toMatchObject({ 'fog-compute.owner': 'ada' });
  });

  it('makes a name that every engine takes, always the same for a replica', () => {
    expect(containerName(spec)).toBe('fog-web-api-0f0e0d0c0b0a');
    expect(containerName({ ...spec, deploymentName: 'ä/ '.repeat(50) })).toMatch(/^fog-[A-Za-z0-9._-]{40}-0f0e0d0c0b0a$/);
  });
});
