import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RestartPolicy } from '../../src/engines/container-spec';
import type { WorkloadSpec } from '../../src/runtime/runtime-driver';
import { LABEL } from '../../src/runtime/docker/docker-labels';
import { AgentUnderTest, PROGRAM_OF_NOW } from '../support/agent-under-test';
import { describeWithEngine, engineClient, loadTestImage, removeContainersOf, TEST_IMAGE } from '../support/engine';
import { LinkServer } from '../support/link-server';
import { until } from '../support/until';

const FAULT_CLOCK = join(__dirname, '../support/fault-clock.cjs');
const FOREVER = ['sleep', '100000'];

describeWithEngine('an agent on a real engine', () => {
  const docker = engineClient();
  const installationId = randomUUID();
  let server: LinkServer;
  let agent: AgentUnderTest;
  let home: string;

  const spec = (over: Partial<WorkloadSpec> = {}): WorkloadSpec => ({
    ...{ replicaId: randomUUID(), deploymentId: randomUUID(), deploymentName: 'edge', ownerId: randomUUID(), generation: 1, labels: {} },
    ...{ image: TEST_IMAGE, command: FOREVER, env: { SECRET: 'hunter2' }, ports: [], healthCheck: null },
    resources: { cpuCores: 0.1, memoryMb: 16, gpuUnits: 0, storageGb: 0 },
    ...over,
  });
  const run = (wanted: WorkloadSpec) => server.order({ replicaId: wanted.replicaId, will: 'run', spec: wanted });
  const end = (replicaId: string) => server.order({ replicaId, will: 'absent', spec: null });
  const containersOf = (replicaId: string) => docker.listContainers({ all: true, filters: { label: [`${LABEL.replica}=${replicaId}`] } });
  const phaseOf = (replicaId: string) => server.workloads.get(replicaId)?.phase;
  const isRunning = (replicaId: string) => until(() => phaseOf(replicaId) === 'running', { what: 'the replica to run' });
  const isGone = (replicaId: string) =>
    until(() => server.gone.get(replicaId) === server.orderOf(replicaId)?.version, { what: 'the replica to go' });
  const kill = async (replicaId: string) => docker.getContainer((await containersOf(replicaId))[0]!.Id).kill();

  beforeAll(() => loadTestImage(docker));
  beforeEach(async () => {
    home = mkdtempSync(join(tmpdir(), 'fog-agent-'));
    server = new LinkServer(installationId);
    agent = new AgentUnderTest({ SERVER_URL: await server.listen(), JOIN_TOKEN: server.token, DATA_DIR: home });
  });
  afterEach(async () => {
    await agent.kill();
    await server.close();
    await removeContainersOf(docker, installationId);
    rmSync(home, { recursive: true, force: true });
    expect(server.unlike).toEqual([]);
  });

  it('joins, runs what is ordered, and removes it when that is over', async () => {
    const wanted = spec();
    const order = run(wanted);
    await agent.start();
    await isRunning(wanted.replicaId);
    await until(() => server.workloads.get(wanted.replicaId)?.version === order.version, { what: 'the version to be told' });
    expect(server.workloads.get(wanted.replicaId)).toMatchObject({ startedAt: expect.any(String) });
    expect(server.reports[0]).toMatchObject({ whole: true, engine: { engineId: expect.any(String) } });
    end(wanted.replicaId);
    await isGone(wanted.replicaId);
    expect(await containersOf(wanted.replicaId)).toEqual([]);
  });

  it.each([
    ['twenty years behind', -20],
    ['ten years ahead', 10],
  ])('does the same with a clock that is %s', async (_how, years) => {
    const clock = { NODE_OPTIONS: `--require ${FAULT_CLOCK}`, CLOCK_SHIFT_MS: String(years * 365 * 86_400_000) };
    const wanted = spec();
    run(wanted);
    await agent.start(clock);
    await isRunning(wanted.replicaId);
    expect(Math.abs(Date.parse(server.reports[0]?.clock ?? '') - Date.now())).toBeGreaterThan(365 * 86_400_000);
    await agent.kill();
    await agent.start();
    end(wanted.replicaId);
    await isGone(wanted.replicaId);
  });

  it('reports an end while there is a link, and starts the replica again by itself while there is none', async () => {
    const [first, second] = [spec(), spec()];
    for (const wanted of [first, second]) run(wanted);
    await agent.start();
    for (const { replicaId } of [first, second]) await isRunning(replicaId);
    await kill(first.replicaId);
    await until(() => phaseOf(first.replicaId) === 'exited');
    await server.close();
    await kill(second.replicaId);
    const runs = async (replicaId: string) => (await containersOf(replicaId))[0]?.State === 'running';
    await until(() => runs(second.replicaId), { what: 'the agent to start it again', timeoutMs: 90_000 });
    expect(await runs(first.replicaId)).toBe(false);
  });

  it('without a link starts again what its restart policy says, and nothing else, and tells the ends when the link is back', async () => {
    const ending = (restart: RestartPolicy, code: number): WorkloadSpec =>
      spec({ restart, command: ['sh', '-c', `trap 'exit ${String(code)}' TERM; while :; do sleep 0.1; done`] });
    const again = [ending('always', 0), ending('on_failure', 3)];
    const over = [ending('on_failure', 0), ending('never', 0), ending('never', 3)];
    const all = [...again, ...over];
    for (const wanted of all) run(wanted);
    await agent.start();
    for (const { replicaId } of all) await isRunning(replicaId);
    const stateOf = async (replicaId: string) => {
      const [{ Id: container } = { Id: '' }] = await containersOf(replicaId);
      return (await docker.getContainer(container).inspect()).State;
    };
    const before = await Promise.all(again.map(async ({ replicaId }) => (await stateOf(replicaId)).StartedAt));
    const port = Number(new URL(server.url).port);
    await server.close();
    for (const { replicaId } of all) await docker.getContainer((await containersOf(replicaId))[0]!.Id).kill({ signal: 'SIGTERM' });
    for (const { replicaId } of over) await until(async () => (await stateOf(replicaId)).Status === 'exited', { what: 'the end' });
    // The agent may be sooner than a look at the end.
    for (const [index, { replicaId }] of again.entries()) {
      const startedAgain = async (): Promise<boolean> => {
        const { Status: status, StartedAt: startedAt } = await stateOf(replicaId);
        return status === 'running' && startedAt !== before[index];
      };
      await until(startedAgain, { what: 'the agent to start it again', timeoutMs: 90_000 });
    }
    for (const { replicaId } of over) expect((await stateOf(replicaId)).Status).toBe('exited');
    await server.listen(port);
    const told = () => over.map(({ replicaId }) => server.workloads.get(replicaId)?.exitCode);
    await until(() => told().join() === '0,0,3', { what: 'the ends to be told', timeoutMs: 90_000 });
  });

  it('is updated while its replicas run: the next program goes on with the same runs', async () => {
    const all = [spec(), spec()];
    for (const wanted of all) run(wanted);
    await agent.start();
    for (const { replicaId } of all) await isRunning(replicaId);
    const runs = async () =>
      Promise.all(
        all.map(async ({ replicaId }) => {
          const [{ Id: id } = { Id: '' }] = await containersOf(replicaId);
          return `${id} ${(await docker.getContainer(id).inspect()).State.StartedAt}`;
        }),
      );
    const before = await runs();
    await agent.kill('SIGTERM');
    const next = new AgentUnderTest({ SERVER_URL: server.url, DATA_DIR: home }, [], PROGRAM_OF_NOW);
    try {
      const reports = server.reports.length;
      await next.start();
      await until(() => server.reports.length > reports, { what: 'a report of the next program' });
      for (const { replicaId } of all) expect(phaseOf(replicaId)).toBe('running');
      expect(await runs()).toEqual(before);
      for (const { replicaId } of all) end(replicaId);
      for (const { replicaId } of all) await isGone(replicaId);
    } finally {
      await next.kill();
    }
  });

  it('does what has changed while it was away, and shows what it did by itself', async () => {
    const wanted = spec();
    run(wanted);
    await agent.start();
    await isRunning(wanted.replicaId);
    await agent.kill();
    end(wanted.replicaId);
    const other = spec();
    run(other);
    await agent.start();
    await isGone(wanted.replicaId);
    await isRunning(other.replicaId);
  });
});
