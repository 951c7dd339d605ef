import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Runtimes } from '../../src/runtime/runtimes';
import { describeRuntimeDriver } from '../contract/runtime-driver.contract';
import type { RuntimeUnderTest } from '../contract/runtime-under-test';
import { AgentUnderTest } from '../support/agent-under-test';
import { describeWithEngine, removeContainersOf } from '../support/engine';
import { joinedNode } from '../support/linked-agent';
import { startTestApp } from '../support/test-app';
import { until } from '../support/until';
import { dockerUnderTest } from './docker-under-test';

/** An agent in a process of its own, with the real engine of this machine, and the driver of the control plane at the other end. */
async function setup(): Promise<RuntimeUnderTest> {
  const t = await startTestApp({ env: { ROLE: 'api', RUNTIME: 'agent' } });
  const docker = await dockerUnderTest();
  const home = mkdtempSync(join(tmpdir(), 'fog-agent-'));
  const [{ target, token }, { target: away }] = [await joinedNode(t, 'edge'), await joinedNode(t, 'away')];
  const env = { SERVER_URL: t.url, JOIN_TOKEN: token, DATA_DIR: home, ALLOWED_REGISTRIES: 'docker.io' };
  const agent = new AgentUnderTest(env);
  await agent.start();
  const driver = t.app.get(Runtimes, { strict: false }).driverFor('agent');
  if (!driver) throw new Error('There is no driver');
  const never = new AbortController().signal;
  try {
    await until(() => driver.info(target, never), { what: 'the first report' });
  } catch (error) {
    throw new Error(`The agent did not report:\n${agent.output}`, { cause: error });
  }
  const [{ id: installationId } = { id: '' }] = await t.dataSource.query<{ id: string }[]>(`SELECT id FROM installation`);
  return {
    ...{ driver, target, away, scripted: docker.scripted, kill: docker.kill, decoy: docker.decoy },
    // The driver answers from what was reported last, so this is over once it has been.
    vanish: async (replicaId) => {
      await docker.vanish(replicaId);
      await until(async () => (await driver.find(target, replicaId, never)) === null, { what: 'the report' });
    },
    close: async () => {
      await agent.kill('SIGTERM');
      await removeContainersOf(docker.docker, installationId);
      await docker.close();
      await t.close();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

describeWithEngine('the driver of agents on a real engine', () => {
  describeRuntimeDriver('agent', setup);
});
