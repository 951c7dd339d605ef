import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LABEL } from '../../src/runtime/docker/docker-labels';
import { AgentUnderTest, joinToken, nodeIsThere } from '../support/agent-under-test';
import { BadLink } from '../support/bad-link';
import type { Client } from '../support/client';
import { deploy, inStatus, remove, statusOf, untilHealthy, type ReplicaView } from '../support/deployments-under-test';
import { describeWithEngine, engineClient, loadTestImage, removeContainersOf } from '../support/engine';
import { Installation } from '../support/installation';
import { adminOf } from '../support/process-under-test';
import { until } from '../support/until';
import { onDocker } from './product-on-docker';

const PORTS = [{ container_port: 8080 }];
const SERVE = ['sh', '-c', 'mkdir -p /tmp/www; cd /tmp/www; echo ok > healthz; exec httpd -f -p 8080 -h /tmp/www'];
const HTTP = { http: { port: 8080, path: '/healthz' }, interval_seconds: 1, timeout_seconds: 1 };
const TCP = { tcp: { port: 8080 }, interval_seconds: 1, timeout_seconds: 1 };
const HEALED_WITHIN_MS = 90_000;

/** The agent checks its replicas itself, on a real engine, and its control plane decides by what it tells. */
describeWithEngine('replicas on an agent', () => {
  const docker = engineClient();
  const home = mkdtempSync(join(tmpdir(), 'fog-agent-'));
  let installation: Installation;
  let installationId: string;
  let client: Client;
  let link: BadLink;
  let agent: AgentUnderTest;

  beforeAll(async () => {
    await loadTestImage(docker);
    installation = await Installation.create();
    const product = await installation.start({ RUNTIME: 'agent', MIN_CPU_CORES: '0.05', MIN_MEMORY_MB: '16', STOP_GRACE_SECONDS: '2' });
    client = await adminOf(product);
    const [row] = await installation.dataSource.query<[{ id: string }]>('SELECT id FROM installation');
    installationId = row.id;
    link = await BadLink.to(product.url, { delayMs: 0, lossShare: 0, repairMs: 0 });
    const token = await joinToken(client);
    agent = new AgentUnderTest({ SERVER_URL: link.url, JOIN_TOKEN: token, DATA_DIR: home });
    await agent.start();
    await nodeIsThere(client);
  });
  afterAll(async () => {
    await agent?.kill();
    link?.close();
    if (installationId) await removeContainersOf(docker, installationId);
    await installation?.close();
    rmSync(home, { recursive: true, force: true });
  });

  const containerOf = async (id: string) => {
    const label = [`${LABEL.installation}=${installationId}`, `${LABEL.deployment}=${id}`];
    const [found] = await docker.listContainers({ filters: { label } });
    return docker.getContainer(found?.Id ?? '');
  };
  const spoil = async (id: string): Promise<void> => {
    const exec = await (await containerOf(id)).exec({ Cmd: ['/bin/busybox', 'rm', '/tmp/www/healthz'] });
    const output = await exec.start({});
    output.resume().on('error', () => undefined);
    await new Promise((resolve) => output.once('close', resolve).once('end', resolve));
  };
  const failedOf = (id: string): Promise<ReplicaView> =>
    until(async () => inStatus(await statusOf(client, id), 'failed')[0], {
      timeoutMs: HEALED_WITHIN_MS,
      what: `a replica of ${id} to fail`,
    });
  const cutWhile = async (work: () => Promise<unknown>): Promise<void> => {
    link.cut({ silently: false });
    try {
      await work();
    } finally {
      link.restore();
    }
  };

  it('run once they pass their check, and are replaced when they answer no longer as they should', async () => {
    const id = await deploy(client, 'turns-bad', onDocker({ command: SERVE, ports: PORTS, health_check: HTTP }));
    await untilHealthy(client, id);
    await spoil(id);
    const failed = await failedOf(id);
    expect(failed).toMatchObject({ healthy: false });
    expect(failed.reason).toContain('GET /healthz answered 404, three times in a row');
    expect(inStatus(await untilHealthy(client, id), 'running')[0]?.id).not.toBe(failed.id);
    await remove(client, id);
  });

  it('are not taken for healthy by an engine that accepts connections for a container that does not listen', async () => {
    const [good, bad] = [
      await deploy(client, 'tcp', onDocker({ command: SERVE, ports: PORTS, health_check: TCP })),
      await deploy(client, 'tcp-bad', onDocker({ ports: PORTS, health_check: TCP })),
    ];
    await untilHealthy(client, good);
    expect((await failedOf(bad)).reason).toMatch(/^A connection to port 8080 was (closed at once|cut off|refused), three times in a row/);
    for (const id of [good, bad]) await remove(client, id);
  });

  it('are checked while the link is away, and replaced when it is back', async () => {
    const id = await deploy(client, 'turns-bad-alone', onDocker({ command: SERVE, ports: PORTS, health_check: HTTP }));
    await untilHealthy(client, id);
    await cutWhile(() => spoil(id));
    expect((await failedOf(id)).reason).toContain('GET /healthz answered 404');
    await untilHealthy(client, id);
    await remove(client, id);
  });

  it('are started again by the agent while the link is away, after the same pauses, and history and count tell of it afterwards', async () => {
    const id = await deploy(client, 'dies-alone', onDocker({ command: SERVE, ports: PORTS, health_check: HTTP }));
    const before = inStatus(await untilHealthy(client, id), 'running')[0];
    expect(before?.attempt).toBe(0);
    const starts: Date[] = [];
    const ends: number[] = [];
    await cutWhile(async () => {
      const container = await containerOf(id);
      for (let time = 0; time < 3; time++) {
        await container.kill();
        ends.push(Date.now());
        const { StartedAt: again } = await until(
          async () => {
            const { State: state } = await container.inspect();
            return state.Running ? state : null;
          },
          { what: 'the agent to start it again', timeoutMs: HEALED_WITHIN_MS },
        );
        starts.push(new Date(again));
      }
    });
    const told = async () => {
      const { body } = await client.get(`/api/deployment/${id}/history`);
      return (body as { reason: string }[]).map(({ reason }) => reason).filter((reason) => reason.includes('while its link was away'));
    };
    // The newest comes first.
    const healed = await until(async () => [(await told()).reverse()].find(({ length }) => length === 3), {
      what: 'the accounts in the history',
      timeoutMs: HEALED_WITHIN_MS,
    });
    const words = [' ', ' after 2 failures in a row ', ' after 3 failures in a row '];
    for (const [index, reason] of healed.entries()) {
      expect(reason).toMatch(/^Node shop-7, while its link was away: .*137.*, and was started again by the agent/);
      expect(reason).toContain(`by the agent${words[index] ?? ''}(at 20`);
      const at = Date.parse(/\(at ([^)]+)\)$/.exec(reason)?.[1] ?? '');
      expect(Math.abs(at - starts[index]!.getTime())).toBeLessThan(2_000);
    }
    // The first failure is not paused for, but for the ten seconds until the agent is on its own.
    const pauses = starts.map((start, index) => (start.getTime() - ends[index]!) / 1000);
    process.stderr.write(`\nStarted again ${pauses.map((pause) => pause.toFixed(1)).join(', ')} s after each end\n`);
    for (const [index, least] of [0, 10, 20].entries()) {
      expect(pauses[index]).toBeGreaterThan(least - 0.5);
      expect(pauses[index]).toBeLessThan(Math.max(least, 10) + 15);
    }
    const [after] = inStatus(await untilHealthy(client, id), 'running');
    expect(after).toMatchObject({ id: before?.id, attempt: 3 });
    await (await containerOf(id)).kill();
    expect((await failedOf(id)).reason).toContain('(failed 4 times in a row; next attempt in 40 s)');
    await remove(client, id);
  });
});
