import { randomUUID } from 'node:crypto';
import { LABEL } from '../../src/runtime/docker/docker-labels';
import { AgentUnderTest } from '../support/agent-under-test';
import { describeWithEngine, engineClient, loadTestImage, removeContainersOf, TEST_IMAGE } from '../support/engine';
import { LinkServer } from '../support/link-server';
import { fill, mountSmallDisk, type SmallDisk } from '../support/small-disk';
import { until } from '../support/until';

const SIZE_KB = 1024;
/** An agent asks again every 30 seconds for orders that its disk did not take. */
const ASKED_AGAIN_MS = 60_000;

const attempt = mountSmallDisk(SIZE_KB);
if (typeof attempt === 'string') process.stderr.write(`\nSKIPPED: an agent on a full disk: ${attempt}\n\n`);
else attempt.unmount();

(typeof attempt === 'string' ? describe.skip : describe)('on a disk that is full', () =>
  describeWithEngine('an agent', () => {
    const docker = engineClient();
    const installationId = randomUUID();
    const server = new LinkServer(installationId);
    let disk: SmallDisk;
    let agent: AgentUnderTest;

    const run = (env: Record<string, string> = {}): string => {
      const replicaId = randomUUID();
      server.order({
        ...{ replicaId, will: 'run' },
        spec: {
          ...{ replicaId, deploymentId: randomUUID(), deploymentName: 'edge', ownerId: installationId, generation: 1, labels: {} },
          ...{ image: TEST_IMAGE, command: ['sleep', '100000'], env, ports: [], healthCheck: null },
          resources: { cpuCores: 0.1, memoryMb: 16, gpuUnits: 0, storageGb: 0 },
        },
      });
      return replicaId;
    };
    const running = async (): Promise<string[]> =>
      (await docker.listContainers({ filters: { label: [`${LABEL.installation}=${installationId}`] } }))
        .map(({ Labels: labels }) => labels[LABEL.replica] ?? '')
        .sort();
    const isRunning = (replicaId: string) =>
      until(() => server.workloads.get(replicaId)?.phase === 'running', { what: 'the replica to run', timeoutMs: ASKED_AGAIN_MS });
    const goes = async (replicaId: string): Promise<void> => {
      server.order({ replicaId, will: 'absent', spec: null });
      await until(() => server.gone.get(replicaId) === server.orderOf(replicaId)?.version, { what: 'the replica to go' });
    };

    beforeAll(async () => {
      await loadTestImage(docker);
      disk = mountSmallDisk(SIZE_KB) as SmallDisk;
      agent = new AgentUnderTest({ SERVER_URL: await server.listen(), JOIN_TOKEN: server.token, DATA_DIR: disk.path });
      await agent.start();
    });
    afterAll(async () => {
      await agent?.kill();
      await server.close();
      await removeContainersOf(docker, installationId);
      disk?.unmount();
      expect(server.unlike).toEqual([]);
    });

    it('ends what is to go, goes on with what runs, is let in after a restart, and starts what was too large once there is room', async () => {
      const [stays, first, second, third] = [run(), run(), run(), run()];
      for (const replicaId of [stays, first, second, third]) await isRunning(replicaId);
      const giveBack = fill(disk.path);

      await goes(first);
      const large = run({ LARGE: 'x'.repeat(50_000) });
      const troubles = () => server.reports.at(-1)?.troubles.map(({ replicaId, message }) => `${replicaId} ${message}`);
      const words = `${large} The disk of the machine does not take the orders (ENOSPC)`;
      await until(() => troubles()?.join() === words, { what: 'the trouble to be told' });
      await goes(second);
      expect(await running()).toEqual([stays, third].sort());

      await agent.kill();
      agent.output = '';
      await agent.start();
      await until(() => server.isLinked && agent.output.includes('The link to the control plane is up'), { what: 'the link' });
      await until(() => troubles()?.join() === words, { what: 'the trouble to be told again' });
      await goes(third);
      expect(await running()).toEqual([stays]);

      giveBack();
      await isRunning(large);
      expect(await running()).toEqual([stays, large].sort());
      await until(() => troubles()?.length === 0, { what: 'no trouble any more' });
    });
  }),
);
