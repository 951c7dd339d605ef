import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LABEL } from '../../src/runtime/docker/docker-labels';
import { AgentUnderTest, BUILT_FOR_ARM64, joinToken, nodeIsThere } from '../support/agent-under-test';
import { describeWithArm64 } from '../support/arm64';
import type { Client } from '../support/client';
import { statusOf } from '../support/deployments-under-test';
import { describeWithEngine, engineClient, loadTestImage, removeContainersOf, TEST_IMAGE } from '../support/engine';
import { Installation } from '../support/installation';
import { adminOf } from '../support/process-under-test';
import { until } from '../support/until';

const SMALL = { MIN_CPU_CORES: '0.1', MIN_MEMORY_MB: '16', DEFAULT_STORAGE_GB: '1', MIN_STORAGE_GB: '1' };

/**
 * The built program under an emulated ARM64. The packages are those of this machine, so one that has native code could not be loaded. The
 * engine is the one of this machine, which an agent knows by its HTTP API only.
 */
describeWithArm64('an agent on ARM64', () =>
  describeWithEngine('with a real engine', () => {
    const docker = engineClient();
    const home = mkdtempSync(join(tmpdir(), 'fog-agent-arm64-'));
    let installation: Installation;
    let installationId: string;
    let client: Client;
    let agent: AgentUnderTest;

    const containers = () => docker.listContainers({ all: true, filters: { label: [`${LABEL.installation}=${installationId}`] } });

    beforeAll(async () => {
      await loadTestImage(docker);
      installation = await Installation.create();
      const product = await installation.start({ RUNTIME: 'agent', ...SMALL });
      client = await adminOf(product);
      [{ id: installationId }] = await installation.dataSource.query<[{ id: string }]>('SELECT id FROM installation');
      const env = { SERVER_URL: product.url, JOIN_TOKEN: await joinToken(client), DATA_DIR: home, NODE_ENV: 'production' };
      agent = new AgentUnderTest(env, [], BUILT_FOR_ARM64);
    });
    afterAll(async () => {
      await agent?.kill();
      if (installationId) await removeContainersOf(docker, installationId);
      await installation?.close();
      rmSync(home, { recursive: true, force: true });
    });

    it('joins, runs a replica, takes its state up after a restart, and removes what is deleted', async () => {
      const begun = performance.now();
      const took = (what: string): void => void process.stderr.write(`\n${what} after ${Math.round(performance.now() - begun)} ms\n`);
      await agent.start();
      await nodeIsThere(client);
      took('Joined');
      const what = { container_image: TEST_IMAGE, command: ['sleep', '100000'], resources: { cpu: 0.1, memory: 16, storage: 1 } };
      const { body } = await client.post('/api/deployment/deploy', { name: 'on-arm', type: 'compute', replicas: 1, ...what });
      const { deployment_id: id } = body as { deployment_id: string };
      await until(async () => (await statusOf(client, id)).status === 'running', { what: 'the replica to run', timeoutMs: 60_000 });
      took('Running');
      expect((await containers()).map(({ State: state }) => state)).toEqual(['running']);

      await agent.kill();
      agent.output = '';
      await agent.start();
      await until(() => agent.output.includes('The link to the control plane is up'), { what: 'the link', timeoutMs: 60_000 });
      expect(agent.output).toContain('1 orders in');
      expect([200, 202]).toContain((await client.delete(`/api/deployment/${id}`)).status);
      await until(async () => (await containers()).length === 0, { what: 'no container to be left', timeoutMs: 60_000 });
      took('Gone');

      const [{ after }] = await installation.dataSource.query<[{ after: { platform: string } }]>(
        `SELECT after FROM audit_log WHERE action = 'node.join' AND outcome = 'done'`,
      );
      expect(after.platform).toBe('linux arm64');
      expect(await agent.kill('SIGTERM')).toBe(0);
    });
  }),
);
