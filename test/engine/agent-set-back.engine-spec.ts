import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { LABEL } from '../../src/runtime/docker/docker-labels';
import { AgentUnderTest, joinToken, nodeIsThere } from '../support/agent-under-test';
import type { Client } from '../support/client';
import { deploy, untilHealthy } from '../support/deployments-under-test';
import { describeWithEngine, engineClient, loadTestImage, removeContainersOf } from '../support/engine';
import { Installation } from '../support/installation';
import { adminOf } from '../support/process-under-test';
import { until } from '../support/until';
import { onDocker } from './product-on-docker';

/** An agent without a link goes by its disk after ten seconds. */
const ALONE_MS = 14_000;

/** An older copy of the agent's folder, put back in its place, is the same as a clone that is never on at the same time as its machine. */
describeWithEngine('an agent whose folder was put back from a backup', () => {
  const docker = engineClient();
  const [home, backup] = [mkdtempSync(join(tmpdir(), 'fog-agent-')), mkdtempSync(join(tmpdir(), 'fog-agent-backup-'))];
  let installation: Installation;
  let installationId: string;
  let client: Client;
  let env: Record<string, string>;
  let agent: AgentUnderTest;

  beforeAll(async () => {
    await loadTestImage(docker);
    installation = await Installation.create();
    const product = await installation.start({ RUNTIME: 'agent', MIN_CPU_CORES: '0.05', MIN_MEMORY_MB: '16', STOP_GRACE_SECONDS: '2' });
    client = await adminOf(product);
    [{ id: installationId }] = await installation.dataSource.query<[{ id: string }]>('SELECT id FROM installation');
    env = { SERVER_URL: product.url, JOIN_TOKEN: await joinToken(client), DATA_DIR: home };
    agent = new AgentUnderTest(env);
    await agent.start();
    await nodeIsThere(client);
  });
  afterAll(async () => {
    await agent?.kill();
    if (installationId) await removeContainersOf(docker, installationId);
    await installation?.close();
    for (const folder of [home, backup]) rmSync(folder, { recursive: true, force: true });
  });

  const containers = async () =>
    (await docker.listContainers({ all: true, filters: { label: [`${LABEL.installation}=${installationId}`] } }))
      .map(({ Labels: labels, State: state }) => `${labels[LABEL.deployment] ?? ''} ${state}`)
      .sort();
  const putBack = (from: string, to: string): void => {
    rmSync(join(to, 'agent'), { recursive: true, force: true });
    cpSync(join(from, 'agent'), join(to, 'agent'), { recursive: true });
  };

  it('is refused and named, runs nothing by its older orders, and is as good as ever once it has joined anew', async () => {
    const before = await deploy(client, 'of-then', onDocker());
    await untilHealthy(client, before);
    await agent.kill('SIGTERM');
    putBack(home, backup);

    await agent.start();
    await until(async () => (await client.delete(`/api/deployment/${before}?wait=20`)).status < 500, { what: 'the delete' });
    await until(async () => (await containers()).length === 0, { what: 'the end of what ran then' });
    const after = await deploy(client, 'of-now', onDocker());
    await untilHealthy(client, after);
    await agent.kill('SIGTERM');

    putBack(backup, home);
    agent.output = '';
    await agent.start();
    await until(() => agent.output.includes('refuses this agent (second_machine)'), { what: 'the refusal' });
    expect(agent.output).toContain('1 orders in');
    await sleep(ALONE_MS);
    expect(await containers()).toEqual([`${after} running`]);
    const [node] = (await client.get('/api/nodes')).body as { id: string; last_error: string | null }[];
    await until(async () => JSON.stringify((await client.get('/api/nodes')).body).includes('came with its key'), { what: 'the name' });
    const named = await installation.dataSource.query<{ action: string }[]>(
      `SELECT action FROM audit_log WHERE action = 'node.second_machine' AND resource_id = $1`,
      [node?.id],
    );
    expect(named).toHaveLength(1);

    // Not without a link either, and not after a restart: it knows that it was refused.
    await agent.kill();
    await agent.start({ SERVER_URL: 'http://127.0.0.1:9' });
    await sleep(ALONE_MS);
    expect(await containers()).toEqual([`${after} running`]);
    await agent.kill();

    const { body } = await client.post(`/api/nodes/${node?.id ?? ''}/join-token`, undefined);
    agent.output = '';
    await agent.start({ JOIN_TOKEN: (body as { token: string }).token });
    await until(() => agent.output.includes('The link to the control plane is up'), { what: 'the link' });
    await untilHealthy(client, after);
    expect(await containers()).toEqual([`${after} running`]);
    expect((await client.delete(`/api/deployment/${after}?wait=20`)).status).toBe(200);
    expect(await containers()).toEqual([]);
  });
});
