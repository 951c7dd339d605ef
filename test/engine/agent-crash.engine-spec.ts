import { randomInt, randomUUID } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { LABEL } from '../../src/runtime/docker/docker-labels';
import type { WorkloadSpec } from '../../src/runtime/runtime-driver';
import { AgentUnderTest } from '../support/agent-under-test';
import { describeWithEngine, engineClient, loadTestImage, removeContainersOf, TEST_IMAGE } from '../support/engine';
import { LinkServer, type Fate } from '../support/link-server';
import { until } from '../support/until';

const KILLS = Number(process.env.AGENT_KILLS ?? '10');
const FATES: readonly Fate[] = ['arrives', 'arrives', 'arrives', 'is lost', 'comes twice', 'cuts the link'];
const SECRET = 'hunter2-is-not-on-the-disk';

describeWithEngine('an agent that is killed and cut off', () => {
  const docker = engineClient();
  const installationId = randomUUID();
  let server: LinkServer;
  let agent: AgentUnderTest;
  let home: string;
  let over = true;

  const spec = (): WorkloadSpec => ({
    ...{ replicaId: randomUUID(), deploymentId: randomUUID(), deploymentName: 'edge', ownerId: installationId, generation: 1, labels: {} },
    ...{ image: TEST_IMAGE, command: ['sleep', '100000'], env: { SECRET }, ports: [], healthCheck: null },
    resources: { cpuCores: 0.1, memoryMb: 16, gpuUnits: 0, storageGb: 0 },
  });
  const ours = () => docker.listContainers({ all: true, filters: { label: [`${LABEL.installation}=${installationId}`] } });
  const idsOf = async (): Promise<string[]> => (await ours()).map(({ Labels: labels }) => labels[LABEL.replica] ?? '').sort();
  const filesOf = (name: string) =>
    readdirSync(join(home, 'agent'), { withFileTypes: true, recursive: true })
      .filter((file) => file.isFile() && file.name.startsWith(name))
      .map((file) => join(file.parentPath, file.name));

  beforeAll(() => loadTestImage(docker));
  beforeEach(async () => {
    home = mkdtempSync(join(tmpdir(), 'fog-agent-'));
    server = new LinkServer(installationId);
    agent = new AgentUnderTest({ SERVER_URL: await server.listen(), JOIN_TOKEN: server.token, DATA_DIR: home });
  });
  afterEach(async () => {
    over = true;
    await agent.kill();
    await server.close();
    await removeContainersOf(docker, installationId);
    rmSync(home, { recursive: true, force: true });
    expect(server.unlike).toEqual([]);
  });

  it('never has two containers of one replica, never brings back what went, and ends with what is ordered', async () => {
    const wanted = new Map<string, 'run' | 'absent'>();
    const faults: string[] = [];
    over = false;
    const look = async (): Promise<void> => {
      while (!over) {
        const ended = new Set(
          [...wanted.keys()].filter((id) => wanted.get(id) === 'absent' && server.gone.get(id) === server.orderOf(id)?.version),
        );
        const ids = await idsOf();
        if (new Set(ids).size !== ids.length) faults.push(`two containers of one replica: ${ids.join()}`);
        for (const id of ids) if (ended.has(id)) faults.push(`replica ${id} came back`);
        await sleep(50);
      }
    };
    const looking = look();
    server.fate = ({ type }) => (type === 'orders' ? (FATES[randomInt(FATES.length)] ?? 'arrives') : 'arrives');
    await agent.start();
    for (let kill = 0; kill < KILLS; kill++) {
      for (let change = 0; change < 4; change++) {
        const running = [...wanted.keys()].filter((id) => wanted.get(id) === 'run');
        const victim = running[randomInt(Math.max(1, running.length))];
        if (victim !== undefined && randomInt(2) === 0) {
          wanted.set(victim, 'absent');
          server.order({ replicaId: victim, will: 'absent', spec: null });
        } else {
          const made = spec();
          wanted.set(made.replicaId, 'run');
          server.order({ replicaId: made.replicaId, will: 'run', spec: made });
        }
        await sleep(randomInt(400));
      }
      if (kill % 2 === 0) await until(() => server.isLinked);
      await agent.kill();
      await agent.start();
    }
    server.fate = () => 'arrives';
    await until(() => server.isLinked);
    server.cut();
    const left = [...wanted.keys()].filter((id) => wanted.get(id) === 'run').sort();
    await until(async () => (await idsOf()).join() === left.join() && (await ours()).every(({ State: state }) => state === 'running'), {
      what: 'exactly what is ordered to run',
    });
    over = true;
    await looking;
    expect(faults).toEqual([]);
  });

  it('goes by the orders on its disk without a control plane, and begins anew when they are damaged', async () => {
    const one = spec();
    server.order({ replicaId: one.replicaId, will: 'run', spec: one });
    await agent.start();
    await until(() => server.workloads.get(one.replicaId)?.phase === 'running');
    for (const file of filesOf('')) expect(readFileSync(file).includes(SECRET)).toBe(false);
    await agent.kill();
    await server.close();
    await docker.getContainer((await ours())[0]!.Id).kill();
    await agent.start();
    await until(async () => (await ours())[0]?.State === 'running', { what: 'the agent to start it again by what is on its disk' });
    await agent.kill();
    for (const file of filesOf('orders')) writeFileSync(file, readFileSync(file).fill(0, 60, 80));
    agent.output = '';
    await agent.start();
    await until(() => agent.output.includes('nothing is done until the control plane has sent them anew'));
    expect((await ours())[0]?.State).toBe('running');
  });

  it('refuses a control plane whose database was set back, and changes nothing', async () => {
    const one = spec();
    server.order({ replicaId: one.replicaId, will: 'run', spec: one });
    await agent.start();
    await until(() => server.workloads.get(one.replicaId)?.phase === 'running');
    server.version = 0;
    server.cut();
    await until(() => agent.output.includes('its database was set back'));
    expect((await ours())[0]?.State).toBe('running');
  });

  it('is not started twice in one folder', async () => {
    await agent.start();
    await until(() => server.isLinked);
    const second = new AgentUnderTest({ SERVER_URL: server.url, DATA_DIR: home });
    await second.start();
    expect(await second.ended()).toBe(1);
    expect(second.output).toMatch(/Another agent uses .* Stop it/);
  });
});
