import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AddressInfo } from 'node:net';
import type Docker from 'dockerode';
import { LABEL } from '../../src/runtime/docker/docker-labels';
import { ownerNetwork } from '../../src/runtime/docker/owner-network';
import type { WorkloadSpec } from '../../src/runtime/runtime-driver';
import { aSpec, someResources } from '../contract/runtime-under-test';
import { describeWithEngine, engineClient, loadTestImage, TEST_IMAGE } from '../support/engine';
import { describeWithSecondEngine, SecondEngine } from '../support/second-engine';
import { until } from '../support/until';
import { dockerUnderTest, type DockerUnderTest } from './docker-under-test';

const never = new AbortController().signal;
const POOL = { cidr: '198.18.0.0/15', prefixLength: 24 };
/** As they stand in the document. */
const FIREWALL = readFileSync(join(__dirname, '../../SECURITY.md'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('iptables '));
const SERVES = ['sh', '-c', 'mkdir /www; echo "$NAME" > /www/index.html; exec httpd -f -p 8080 -h /www'];

/** Replicas of tenants on one engine, and what each of them reaches. */
class Tenants {
  constructor(readonly t: DockerUnderTest) {}

  async run(name: string, ownerId: string, over: Partial<WorkloadSpec> = {}): Promise<WorkloadSpec> {
    const spec = aSpec({ image: TEST_IMAGE, deploymentName: name, ownerId, env: { NAME: name }, command: SERVES, ...over });
    await this.t.driver.ensure(this.t.target, spec, { signal: never, onProgress: () => undefined });
    await until(async () => (await this.t.driver.find(this.t.target, spec.replicaId, never))?.phase === 'running', { what: 'running' });
    if (spec.command === SERVES) await until(async () => (await this.reads(spec, '127.0.0.1:8080')) === name, { what: `${name} to serve` });
    return spec;
  }

  async container(spec: WorkloadSpec): Promise<Docker.ContainerInspectInfo> {
    const workload = await this.t.driver.find(this.t.target, spec.replicaId, never);
    return this.t.docker.getContainer(workload?.containerId ?? '').inspect();
  }

  async addressOf(spec: WorkloadSpec): Promise<{ address: string; gateway: string }> {
    const [network] = Object.values((await this.container(spec)).NetworkSettings.Networks);
    return { address: network?.IPAddress ?? '', gateway: network?.Gateway ?? '' };
  }

  /** The words that a shell command writes in the container of the replica. */
  async exec(spec: WorkloadSpec, words: string): Promise<string> {
    const container = this.t.docker.getContainer((await this.container(spec)).Id);
    const exec = await container.exec({ Cmd: ['sh', '-c', words], AttachStdout: true, AttachStderr: true, Tty: true });
    const stream = await exec.start({ Tty: true });
    let text = '';
    for await (const part of stream) text += String(part);
    return text.trim();
  }

  /** What the replica reads at the address, or `nothing`. */
  async reads(spec: WorkloadSpec, address: string): Promise<string> {
    return this.exec(spec, `busybox timeout 2 busybox wget -q -O - http://${address} 2>/dev/null || echo nothing`);
  }
}

describeWithEngine('the networks of owners', () => {
  let t: DockerUnderTest;
  let tenants: Tenants;
  const [ada, bob] = [randomUUID(), randomUUID()];

  beforeAll(async () => {
    t = await dockerUnderTest();
    tenants = new Tenants(t);
  });
  afterAll(() => t?.close());

  const networks = () => t.docker.listNetworks({ filters: { label: [`${LABEL.installation}=${t.installationId}`] } });
  const remove = (spec: WorkloadSpec) => t.driver.remove(t.target, spec.replicaId, { graceSeconds: 0, signal: never });

  it('let replicas of one owner reach each other by address and by name, and those of another owner not at all', async () => {
    const [web, api, other] = await Promise.all([
      tenants.run('web', ada),
      tenants.run('api', ada),
      tenants.run('web', bob, { ports: [{ containerPort: 8080, protocol: 'tcp' }] }),
    ]);
    const { address: apiAddress } = await tenants.addressOf(api);
    const { address: otherAddress, gateway } = await tenants.addressOf(other);
    expect(await tenants.reads(web, `${apiAddress}:8080`)).toBe('api');
    expect(await tenants.reads(web, 'api:8080')).toBe('api');
    expect(await tenants.reads(web, `${otherAddress}:8080`)).toBe('nothing');
    expect(await tenants.reads(other, `${apiAddress}:8080`)).toBe('nothing');
    expect(await tenants.reads(other, 'api:8080')).toBe('nothing');
    expect(await tenants.exec(web, 'cat /proc/net/if_inet6; echo end')).toBe('end');
    const workload = await t.driver.find(t.target, other.replicaId, never);
    const port = workload?.publishedPorts[0]?.hostPort ?? 0;
    expect(await (await fetch(`http://127.0.0.1:${port}`)).text()).toBe('web\n');
    expect(await tenants.reads(web, `${gateway}:${port}`)).toBe('nothing');
    await Promise.all([web, api, other].map(remove));
  });

  it('are one for each owner, whoever makes them at the same moment', async () => {
    const owner = randomUUID();
    const specs = await Promise.all(Array.from({ length: 6 }, () => tenants.run('web', owner)));
    const own = (await networks()).filter(({ Labels: labels }) => labels?.[LABEL.owner] === owner);
    expect(own).toHaveLength(1);
    expect(new Set(await Promise.all(specs.map(async (spec) => (await tenants.container(spec)).HostConfig.NetworkMode)))).toEqual(
      new Set([own[0]?.Name]),
    );
    await Promise.all(specs.map(remove));
  });

  it('go when their owner has no container left, running or kept, and no others go', async () => {
    const owner = randomUUID();
    const foreign = await t.docker.createNetwork({
      Name: `foreign-${owner}`,
      Labels: { [LABEL.owner]: owner, [LABEL.installation]: randomUUID() },
      IPAM: { Driver: 'default', Config: [{ Subnet: '203.0.113.240/28' }] },
    });
    try {
      const isThere = async (): Promise<boolean> => (await networks()).some(({ Labels: labels }) => labels?.[LABEL.owner] === owner);
      const spec = await tenants.run('web', owner);
      await t.driver.suspend(t.target, spec.replicaId, { graceSeconds: 0, signal: never });
      await t.driver.tidy(t.target, never);
      expect(await isThere()).toBe(true);
      await remove(spec);
      expect(await isThere()).toBe(true);
      await t.driver.tidy(t.target, never);
      expect(await isThere()).toBe(false);
    } finally {
      await foreign.remove(); // is still there
    }
  });

  it('are made anew for a kept container whose network somebody has removed', async () => {
    const spec = await tenants.run('web', randomUUID());
    const before = await t.driver.find(t.target, spec.replicaId, never);
    await t.driver.suspend(t.target, spec.replicaId, { graceSeconds: 0, signal: never });
    await t.docker.getNetwork(ownerNetwork(t.installationId, spec.ownerId, { pool: POOL, outgoing: true }).name).remove();
    await t.driver.ensure(t.target, spec, { signal: never, onProgress: () => undefined, resumeRunAt: before?.startedAt ?? null });
    expect((await t.driver.find(t.target, spec.replicaId, never))?.phase).toBe('running');
    await remove(spec);
  });

  it('are missed by a start that goes on: no look in between takes it for one that has failed', async () => {
    const spec = await tenants.run('web', randomUUID());
    const { Config: config, HostConfig: host } = await tenants.container(spec);
    await remove(spec);
    const half = await t.docker.createContainer({ name: `fog-half-${spec.replicaId}`, ...config, HostConfig: host });
    await t.docker.getNetwork(ownerNetwork(t.installationId, spec.ownerId, { pool: POOL, outgoing: true }).name).remove();
    await expect(half.start()).rejects.toMatchObject({ statusCode: 404 });
    expect(await t.driver.find(t.target, spec.replicaId, never)).toMatchObject({ containerId: half.id, phase: 'starting', hasRun: false });
    await t.driver.ensure(t.target, spec, { signal: never, onProgress: () => undefined });
    expect(await t.driver.find(t.target, spec.replicaId, never)).toMatchObject({ phase: 'running' });
    await remove(spec);
  });

  it('say so when there is no room for another owner', async () => {
    const crowded = await dockerUnderTest({
      driver: { networks: { pool: { cidr: '203.0.113.0/28', prefixLength: 28 }, outgoing: true } },
    });
    const there = new Tenants(crowded);
    const first = await there.run('web', ada);
    await expect(there.run('web', bob)).rejects.toMatchObject({
      failure: 'timeout',
      message: 'The node has no free network for another owner (OWNER_NETWORK_POOL)',
    });
    await crowded.driver.remove(crowded.target, first.replicaId, { graceSeconds: 0, signal: never });
    await crowded.driver.tidy(crowded.target, never);
    await there.run('web', bob);
    await crowded.close();
  });

  it('lead nowhere else when outgoing traffic is off', async () => {
    const closed = await dockerUnderTest({ driver: { networks: { pool: POOL, outgoing: false } } });
    const there = new Tenants(closed);
    const host: Server = createServer((_question, answer) => answer.end('host'));
    await new Promise<void>((resolve) => host.listen(0, '0.0.0.0', resolve));
    const { port } = host.address() as AddressInfo;
    const outer = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
    const address = outer.find(({ family, internal, address: own }) => family === 'IPv4' && !internal && !own.startsWith('198.1'))?.address;
    const [open, shut, api] = [await tenants.run('web', ada), await there.run('web', ada), await there.run('api', ada)];
    if (address !== undefined) expect(await tenants.reads(open, `${address}:${port}`)).toBe('host');
    expect(await there.reads(shut, 'api:8080')).toBe('api');
    expect(await there.reads(api, '169.254.169.254')).toBe('nothing');
    await expect(there.run('web', ada, { ports: [{ containerPort: 8080, protocol: 'tcp' }] })).rejects.toMatchObject({
      failure: 'rejected',
    });
    host.close();
    host.closeAllConnections();
    await remove(open);
    await closed.close();
  });
});

describeWithEngine('a container with a root that cannot be written', () => {
  it('writes to a small /tmp only, and runs nothing from there', async () => {
    const t = await dockerUnderTest();
    const tenants = new Tenants(t);
    const spec = await tenants.run('web', randomUUID(), {
      readOnlyRoot: true,
      command: ['sleep', '3600'],
      resources: someResources({ memoryMb: 256 }),
    });
    const words = await tenants.exec(
      spec,
      `touch /x 2>/dev/null || echo refused
       cat /bin/busybox > /tmp/b && busybox chmod 755 /tmp/b && echo written
       /tmp/b true 2>/dev/null || echo not run
       dd if=/dev/zero of=/tmp/full bs=1M count=100 2>&1 | grep -c 'No space'`,
    );
    expect(words.split(/\r?\n/)).toEqual(['refused', 'written', 'not run', '1']);
    await t.close();
  });
});

describeWithEngine('an operator who lets images give up root', () => {
  it('lets them become another user', async () => {
    const t = await dockerUnderTest({ driver: { extraCapabilities: ['SETGID', 'SETUID'] } });
    const tenants = new Tenants(t);
    const spec = await tenants.run('web', randomUUID(), { command: ['sleep', '3600'] });
    expect(await tenants.exec(spec, `echo 'user:x:1000:1000::/:/bin/sh' > /etc/passwd; busybox su user -c id`)).toContain('uid=1000');
    await t.close();
  });
});

describeWithSecondEngine('the firewall rules of SECURITY.md', () => {
  let engine: SecondEngine;
  let t: DockerUnderTest;
  let www: string;

  beforeAll(async () => {
    engine = await SecondEngine.start();
    await loadTestImage(engineClient(engine.dockerHost));
    t = await dockerUnderTest({ dockerHost: engine.dockerHost, driver: { publishAddress: '0.0.0.0' } });
    www = mkdtempSync(join(tmpdir(), 'fog-www-'));
    writeFileSync(join(www, 'index.html'), 'host');
  });
  afterAll(async () => {
    await t?.close();
    await engine?.close();
    rmSync(www, { recursive: true, force: true });
  });

  it('keep containers from the machine and its metadata service; replicas of an owner and published ports go on', async () => {
    const tenants = new Tenants(t);
    engine.keepOnMachine(`busybox httpd -f -p 0.0.0.0:9000 -h ${www}`);
    engine.addMachine({ address: '169.254.169.254/16', gateway: '169.254.0.1/16' }, `busybox httpd -f -p 80 -h ${www}`);
    const ada = randomUUID();
    const ports = [{ containerPort: 8080, protocol: 'tcp' }] as const;
    const [web, api, other] = [
      await tenants.run('web', ada),
      await tenants.run('api', ada),
      await tenants.run('web', randomUUID(), { ports }),
    ];
    const { gateway } = await tenants.addressOf(web);
    const { address, gateway: otherGateway } = await tenants.addressOf(other);
    const port = (await t.driver.find(t.target, other.replicaId, never))?.publishedPorts[0]?.hostPort ?? 0;
    const seen = async (): Promise<string[]> => [
      await tenants.reads(web, 'api:8080'),
      await tenants.reads(web, `${address}:8080`),
      await tenants.reads(web, `${gateway}:9000`),
      await tenants.reads(web, `${otherGateway}:9000`),
      await tenants.reads(web, `${gateway}:${port}`),
      await tenants.reads(web, '169.254.169.254'),
      engine.onMachine(`busybox timeout 5 busybox wget -q -O - http://127.0.0.1:${port}`),
    ];
    await until(async () => (await tenants.reads(web, '169.254.169.254')) === 'host', { what: 'the metadata service' });
    const closed = await dockerUnderTest({ dockerHost: engine.dockerHost, driver: { networks: { pool: POOL, outgoing: false } } });
    const shut = await new Tenants(closed).run('web', ada);
    expect(await new Tenants(closed).reads(shut, '169.254.169.254')).toBe('nothing');
    await closed.close();
    expect(await seen()).toEqual(['api', 'nothing', 'host', 'host', 'web', 'host', 'web']);
    expect(FIREWALL.length).toBeGreaterThan(0);
    for (const rule of FIREWALL) engine.onMachine(rule);
    expect(await seen()).toEqual(['api', 'nothing', 'nothing', 'nothing', 'nothing', 'nothing', 'web']);
    await Promise.all([web, api, other].map(({ replicaId }) => t.driver.remove(t.target, replicaId, { graceSeconds: 0, signal: never })));
  });
});

describeWithSecondEngine('an engine with user namespaces, a storage driver that limits, and another OCI runtime', () => {
  let engine: SecondEngine;
  let t: DockerUnderTest;

  beforeAll(async () => {
    const flags = ['--storage-driver btrfs', '--userns-remap default', '--add-runtime other=/usr/sbin/runc'];
    engine = await SecondEngine.start({ flags, onBtrfs: true });
    await loadTestImage(engineClient(engine.dockerHost));
    t = await dockerUnderTest({ dockerHost: engine.dockerHost });
  });
  afterAll(async () => {
    await t?.close();
    await engine?.close();
  });

  it('tells so', async () => {
    const { isolation } = await t.driver.info(t.target, never);
    expect(isolation).toMatchObject({ userNamespaces: true, rootless: false, seccomp: 'default', storageLimit: 'enforced' });
    expect(isolation.ociRuntimes).toEqual(expect.arrayContaining(['other', 'runc']));
  });

  it('holds a replica to its storage, runs its root as another user of the machine, and under the OCI runtime of the node', async () => {
    const tenants = new Tenants({ ...t, target: { ...t.target, ociRuntime: 'other' } });
    const spec = await tenants.run('web', randomUUID(), { command: ['sleep', '3600'], resources: someResources({ storageGb: 0.03 }) });
    expect((await tenants.container(spec)).HostConfig.Runtime).toBe('other');
    expect(await tenants.exec(spec, 'dd if=/dev/zero of=/full bs=1M count=100 2>&1')).toContain('quota exceeded');
    expect(Number((await tenants.exec(spec, 'cat /proc/self/uid_map')).split(/\s+/)[1])).toBeGreaterThan(0);
  });

  it('refuses an OCI runtime that it does not have in words', async () => {
    const tenants = new Tenants({ ...t, target: { ...t.target, ociRuntime: 'absent' } });
    await expect(tenants.run('web', randomUUID())).rejects.toMatchObject({
      failure: 'unfit',
      message: 'The engine of this node does not offer the OCI runtime that is set for the node',
    });
  });
});
