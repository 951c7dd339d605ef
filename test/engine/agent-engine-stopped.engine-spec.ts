import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LABEL } from '../../src/runtime/docker/docker-labels';
import { AgentUnderTest } from '../support/agent-under-test';
import { loadTestImage, TEST_IMAGE } from '../support/engine';
import { LinkServer } from '../support/link-server';
import { describeWithOwnEngine, OwnEngine } from '../support/own-engine';
import { until } from '../support/until';

describeWithOwnEngine('an agent whose engine is stopped', () => {
  const engine = new OwnEngine();
  const home = mkdtempSync(join(tmpdir(), 'fog-agent-'));
  const server = new LinkServer(randomUUID());
  let agent: AgentUnderTest;

  beforeAll(async () => {
    await engine.start();
    await loadTestImage(engine.docker);
    const env = { SERVER_URL: await server.listen(), JOIN_TOKEN: server.token, DATA_DIR: home, DOCKER_HOST: engine.host };
    agent = new AgentUnderTest(env);
  });
  afterAll(async () => {
    await agent?.kill();
    await server.close();
    await engine.remove();
    rmSync(home, { recursive: true, force: true });
    expect(server.unlike).toEqual([]);
  });

  it('starts without it, says so, and neither takes what it does not see for gone nor forgets what it is to do', async () => {
    const order = () => {
      const replicaId = randomUUID();
      server.order({
        ...{ replicaId, will: 'run' },
        spec: {
          ...{ replicaId, deploymentId: randomUUID(), deploymentName: 'edge', ownerId: randomUUID(), generation: 1, labels: {} },
          ...{ image: TEST_IMAGE, command: ['sleep', '100000'], env: {}, ports: [], healthCheck: null },
          resources: { cpuCores: 0.1, memoryMb: 16, gpuUnits: 0, storageGb: 0 },
        },
      });
      return replicaId;
    };
    const running = (replicaId: string) =>
      until(() => server.workloads.get(replicaId)?.phase === 'running', { what: 'the replica to run' });
    const first = order();
    await agent.start();
    await running(first);
    await agent.kill();

    await engine.stop();
    const before = server.reports.length;
    await agent.start();
    const blind = await until(() => server.reports.slice(before).find(({ engine: shown }) => shown === null), { what: 'a report' });
    expect([blind.engineTrouble === null, blind.workloads, blind.gone]).toEqual([false, [], []]);
    const second = order();
    server.order({ replicaId: first, will: 'absent', spec: null });
    await until(() => server.reports.at(-1)?.ordersVersion === server.version, { what: 'the orders on the disk' });
    expect(server.gone.get(first)).toBeUndefined();

    await engine.start();
    await running(second);
    await until(() => server.gone.get(first) === server.orderOf(first)?.version, { what: 'the first one to go' });
    const left = await engine.docker.listContainers({ all: true });
    expect(left.map(({ Labels: labels }) => labels[LABEL.replica])).toEqual([second]);
  });
});
