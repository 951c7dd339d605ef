import { specDigest } from '../../src/engines/spec-digest';
import type { ObservedWorkload, WorkloadSpec } from '../../src/runtime/runtime-driver';
import { aSpec, someResources } from '../contract/runtime-under-test';
import { describeWithEngine, TEST_IMAGE } from '../support/engine';
import { until } from '../support/until';
import { dockerUnderTest, type DockerUnderTest } from './docker-under-test';

const never = new AbortController().signal;
const shell = (script: string): readonly string[] => ['sh', '-c', script];

describeWithEngine('a container that the Docker driver makes', () => {
  let t: DockerUnderTest;

  beforeAll(async () => {
    t = await dockerUnderTest();
  });
  afterAll(() => t?.close());

  const run = async (over: Partial<WorkloadSpec>, phase: ObservedWorkload['phase'] = 'running'): Promise<ObservedWorkload> => {
    const spec = aSpec({ image: TEST_IMAGE, ...over });
    await t.driver.ensure(t.target, spec, { signal: never, onProgress: () => undefined });
    return until(async () => [await t.driver.find(t.target, spec.replicaId, never)].find((seen) => seen?.phase === phase), { what: phase });
  };
  const inspect = async (over: Partial<WorkloadSpec>) => t.docker.getContainer((await run(over)).containerId).inspect();
  const logs = async (replicaId: string): Promise<readonly string[]> =>
    (await t.driver.logs(t.target, replicaId, { tailLines: 100, maxBytes: 1_000_000 }, never)).lines;

  it('has exactly our limits and our hardening', async () => {
    const {
      HostConfig: host,
      Mounts: mounts,
      Config: config,
    } = await inspect({ resources: someResources({ cpuCores: 0.75, memoryMb: 96 }) });
    expect(host).toMatchObject({
      Init: true,
      Privileged: false,
      ReadonlyRootfs: false,
      AutoRemove: false,
      PublishAllPorts: false,
      NetworkMode: expect.stringMatching(/^fog-[0-9a-f]{11}$/) as unknown,
      PidMode: '',
      IpcMode: 'private',
      UTSMode: '',
      UsernsMode: '',
      CgroupParent: '',
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges'],
      PidsLimit: 256,
      ShmSize: 48 * 1024 * 1024,
      Memory: 96 * 1024 * 1024,
      MemorySwap: 96 * 1024 * 1024,
      NanoCpus: 750_000_000,
      RestartPolicy: { Name: 'no' },
      LogConfig: { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '3' } },
    });
    const capAdd = host.CapAdd as string[];
    expect(capAdd.map((name) => name.replace(/^CAP_/, '')).sort()).toEqual(['CHOWN', 'FOWNER', 'FSETID', 'KILL', 'NET_BIND_SERVICE']);
    expect(host.Ulimits).toEqual([
      { Name: 'core', Hard: 0, Soft: 0 },
      { Name: 'nofile', Hard: 4096, Soft: 4096 },
    ]);
    for (const none of [host.Binds, host.Devices, host.DeviceRequests, host.VolumesFrom, host.GroupAdd, host.ExtraHosts])
      expect(none ?? []).toEqual([]);
    expect(host.Sysctls ?? {}).toEqual({});
    expect(host.PortBindings ?? {}).toEqual({});
    expect(mounts).toEqual([]);
    expect(config.Tty).toBe(false);
  });

  it('runs under these limits in the eyes of the kernel, and can own files, but neither mount nor become another user', async () => {
    const { replicaId } = await run({
      command: shell(`
        grep -E '^(NoNewPrivs|CapEff|CapBnd|Seccomp):' /proc/self/status
        touch /file && chown 1000:1000 /file && echo owns
        mount -t tmpfs none /mnt 2>/dev/null || echo mounts nothing
        touch /secret && chown 1000:1000 /secret && busybox chmod 600 /secret && cat /secret 2>/dev/null || echo reads not all
        echo 'user:x:1000:1000::/:/bin/sh' > /etc/passwd; busybox su user -c id 2>/dev/null || echo stays root
        echo files $(ulimit -n) core $(ulimit -c)
        echo shared $(busybox df -k /dev/shm | busybox tail -n 1 | busybox awk '{print $2}')
        busybox dd if=/dev/zero of=/dev/shm/all bs=1M count=100 2>/dev/null || echo shares no more
        rm -f /dev/shm/all
        exec sleep 3600`),
    });
    const lines = await until(async () => [await logs(replicaId)].find(({ length }) => length >= 11), { what: 'nine lines' });
    expect(lines).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^NoNewPrivs:\s+1$/),
        expect.stringMatching(/^Seccomp:\s+2$/),
        'owns',
        'mounts nothing',
        'reads not all',
        'stays root',
        'files 4096 core 0',
        expect.stringMatching(/^shared \d+$/),
        'shares no more',
      ]),
    );
    // CHOWN 0, FOWNER 3, FSETID 4, KILL 5, NET_BIND_SERVICE 10
    const mask = [0, 3, 4, 5, 10]
      .reduce((sum, bit) => sum + 2 ** bit, 0)
      .toString(16)
      .padStart(16, '0');
    expect(lines).toEqual(
      expect.arrayContaining([
        expect.stringMatching(new RegExp(`^CapEff:\\s+${mask}$`)),
        expect.stringMatching(new RegExp(`^CapBnd:\\s+${mask}$`)),
      ]),
    );
  });

  it('cannot fork beyond its share of processes', async () => {
    const { replicaId } = await run(
      { command: shell(`i=0; while [ $i -lt 300 ]; do sleep 3600 & i=$((i+1)); done; echo all of them`) },
      'exited',
    );
    expect((await logs(replicaId)).join('\n')).toMatch(/can't fork/);
  });

  it('carries labels that no user can override or forge', async () => {
    const spec = aSpec({
      image: TEST_IMAGE,
      labels: { 'fog-compute.installation': 'stolen', 'fog-compute.replica': 'other', 'traefik.enable': 'true', team: 'edge' },
    });
    const { Config: config } = await inspect(spec);
    expect(config.Labels).toEqual({
      'fog-compute.installation': t.installationId,
      'fog-compute.deployment': spec.deploymentId,
      'fog-compute.replica': spec.replicaId,
      'fog-compute.generation': '1',
      'fog-compute.owner': spec.ownerId,
      'fog-compute.image': TEST_IMAGE,
      'fog-compute.spec': specDigest(spec),
      'fog-compute.label.fog-compute.installation': 'stolen',
      'fog-compute.label.fog-compute.replica': 'other',
      'fog-compute.label.traefik.enable': 'true',
      'fog-compute.label.team': 'edge',
    });
  });

  it('gets its environment untouched by any shell', async () => {
    const value = `a=b "c" 'd' $(id) \`id\` ; x\ny`;
    const { Config: config } = await inspect({ env: { ODD: value, EMPTY: '' } });
    expect(config.Env).toEqual(expect.arrayContaining([`ODD=${value}`, 'EMPTY=']));
  });

  it.each(['A=B', '', 'NUL\0'])('is not made with the variable name %j', async (name) => {
    const spec = aSpec({ image: TEST_IMAGE, env: { [name]: 'x' } });
    await expect(t.driver.ensure(t.target, spec, { signal: never, onProgress: () => undefined })).rejects.toMatchObject({
      failure: 'rejected',
    });
    expect(await t.driver.find(t.target, spec.replicaId, never)).toBeNull();
  });

  it('answers on the port that it shows', async () => {
    const { replicaId, publishedPorts } = await run({
      ports: [{ containerPort: 8080, protocol: 'tcp' }],
      command: shell(`mkdir /www && echo hello > /www/index.html && exec httpd -f -p 8080 -h /www`),
    });
    const [port] = publishedPorts;
    expect(port).toMatchObject({ containerPort: 8080, protocol: 'tcp', hostIp: '127.0.0.1' });
    const answer = await until(() => fetch(`http://127.0.0.1:${port?.hostPort}/`).then((response) => response.text()), {
      what: 'an answer',
    });
    expect(answer).toBe('hello\n');
    const begin = performance.now();
    await t.driver.remove(t.target, replicaId, { graceSeconds: 10, signal: never });
    expect(performance.now() - begin).toBeLessThan(5000); // Init hands SIGTERM on to a server that runs as the first process
  });

  it('is starting, running and unhealthy as its health check says, and tells so', async () => {
    const spec = aSpec({
      image: TEST_IMAGE,
      healthCheck: { command: ['test', '-e', '/healthy'], intervalSeconds: 2, timeoutSeconds: 10, retries: 1, startPeriodSeconds: 0 },
      command: shell('touch /healthy; exec sleep 3600'),
    });
    const phases = new Set<string>();
    const stop = new AbortController();
    const watching = t.driver.watch(t.target, ({ replicaId }) => replicaId === spec.replicaId && changes++, stop.signal);
    let changes = 0;
    await t.driver.ensure(t.target, spec, { signal: never, onProgress: () => undefined });
    const seen = await until(
      async () => {
        const workload = await t.driver.find(t.target, spec.replicaId, never);
        const [listed] = await t.driver.list(t.target, { deploymentId: spec.deploymentId }, never);
        if (workload?.phase === 'running' && !phases.has('running')) {
          const exec = await t.docker.getContainer(workload.containerId).exec({ Cmd: ['busybox', 'rm', '/healthy'] });
          await exec.start({});
        }
        phases.add(workload?.phase ?? 'absent');
        return workload?.phase === 'unhealthy' && listed?.phase === 'unhealthy' ? workload : null;
      },
      { what: 'unhealthy' },
    );
    expect([...phases]).toEqual(['starting', 'running', 'unhealthy']);
    expect(seen.reason).toBe('Health check fails with code 1');
    expect(changes).toBeGreaterThanOrEqual(3);
    stop.abort();
    await watching;
  });

  it('ends in words when its command is not in the image', async () => {
    expect(await run({ command: ['no-such-program'] }, 'exited')).toMatchObject({
      exitCode: 127,
      reason: 'Exited with code 127: the command was not found in the image',
    });
  });

  it('is refused in words when the node has no such address for its ports, which the engine calls an error of its own', async () => {
    const elsewhere = t.again({ publishAddress: '203.0.113.7' });
    const spec = aSpec({ image: TEST_IMAGE, ports: [{ containerPort: 80, protocol: 'tcp' }] });
    const words = 'A port could not be published on the address of this node';
    const work = elsewhere.ensure(t.target, spec, { signal: never, onProgress: () => undefined });
    await expect(work).rejects.toMatchObject({ failure: 'unfit', message: words });
    expect(await t.driver.find(t.target, spec.replicaId, never)).toMatchObject({ phase: 'exited', reason: words });
  });

  it.each([
    [{ resources: someResources({ cpuCores: 4096 }) }, 'unfit', 'The machine of this node has fewer CPU cores than one replica asks for'],
    [{ image: 'Not A Reference' }, 'rejected', 'The image reference is not valid'],
    [{ resources: someResources({ gpuUnits: 1 }) }, 'unfit', 'The engine of this node cannot give containers a GPU'],
  ])('is refused in words: %j', async (over, failure, words) => {
    const spec = aSpec({ image: TEST_IMAGE, ...over });
    const work = t.driver.ensure(t.target, spec, { signal: never, onProgress: () => undefined });
    await expect(work).rejects.toMatchObject({ failure, message: words });
    const left = await t.driver.find(t.target, spec.replicaId, never);
    if (left !== null) expect(left).toMatchObject({ phase: 'exited', reason: words });
  });
});
