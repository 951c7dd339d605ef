import { randomUUID } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { encryptionKey } from '../../src/common/crypto/encryption-key';
import { SecretBox } from '../../src/common/crypto/secret-box';
import type { WorkloadSpec } from '../../src/runtime/runtime-driver';
import { AgentUnderTest } from '../support/agent-under-test';
import { describeWithEngine, engineClient, loadTestImage, removeContainersOf, TEST_IMAGE } from '../support/engine';
import { LinkServer } from '../support/link-server';
import { CREDENTIAL, describeWithRegistry, PrivateRegistry } from '../support/private-registry';
import { until } from '../support/until';

/** Behind a hash and a number: how long the content of a file of a value is, and the content. */
const [LENGTH_AT, CONTENT_AT] = [40, 44];

/** The orders that a file of the agent has; empty for any other file. */
function ordersIn(file: Buffer, box: SecretBox): string {
  if (file.length < CONTENT_AT) return '';
  return box.openOrNull(file.subarray(CONTENT_AT, CONTENT_AT + file.readUInt32BE(LENGTH_AT)), 'orders of the node') ?? '';
}

describeWithEngine('private images on an agent', () =>
  describeWithRegistry('of a real registry', () =>
    describe.each(['basic', 'token'] as const)('with %s authentication', (by) => {
      const docker = engineClient();
      const installationId = randomUUID();
      const home = mkdtempSync(join(tmpdir(), 'fog-agent-'));
      let registry: PrivateRegistry;
      let server: LinkServer;
      let agent: AgentUnderTest;
      let image: string;

      beforeAll(async () => {
        await loadTestImage(docker);
        registry = await PrivateRegistry.start(by);
        image = await registry.take(docker, TEST_IMAGE, 'team/private');
        server = new LinkServer(installationId);
        const ALLOWED_REGISTRIES = registry.server;
        agent = new AgentUnderTest({ SERVER_URL: await server.listen(), JOIN_TOKEN: server.token, DATA_DIR: home, ALLOWED_REGISTRIES });
        await agent.start();
      });
      afterAll(async () => {
        await agent?.kill();
        await server?.close();
        await removeContainersOf(docker, installationId);
        await docker
          .getImage(image)
          .remove({ force: true })
          .catch(() => undefined);
        registry?.close();
        rmSync(home, { recursive: true, force: true });
      });

      const filesIn = (folder: string): string[] =>
        readdirSync(folder).flatMap((name) => {
          const path = join(folder, name);
          return statSync(path).isDirectory() ? filesIn(path) : [path];
        });
      /** Everything on the disk of the agent, as it is and, as far as its key opens it, decrypted. */
      const onDisk = (): { raw: string; opened: string } => {
        const paths = filesIn(home);
        const folder = dirname(paths.find((path) => path.endsWith('encryption-key')) ?? home);
        const box = new SecretBox(encryptionKey({ DATA_DIR: folder }));
        const contents = paths.map((path) => readFileSync(path));
        const opened = contents.map((content) => ordersIn(content, box)).join('\n');
        return { raw: contents.map((content) => content.toString('latin1')).join('\n'), opened };
      };
      const aWish = (password: string): WorkloadSpec => ({
        ...{
          replicaId: randomUUID(),
          deploymentId: randomUUID(),
          deploymentName: 'edge',
          ownerId: randomUUID(),
          generation: 1,
          labels: {},
        },
        ...{ image, command: ['sleep', '100000'], env: {}, ports: [], healthCheck: null },
        resources: { cpuCores: 0.1, memoryMb: 16, gpuUnits: 0, storageGb: 0 },
        registry: { revision: randomUUID(), server: registry.server, username: CREDENTIAL.username, password },
      });

      it('are not pulled with a wrong password, and are with the right one, which is gone from the disk with its replica', async () => {
        const [wrong, right] = [aWish('wrong-password-of-a-test'), aWish(CREDENTIAL.password)];
        server.order({ replicaId: wrong.replicaId, will: 'run', spec: wrong });
        const told = (): string => JSON.stringify(server.reports.at(-1)?.troubles ?? {});
        await until(() => told().includes('could not be pulled'), { what: 'the refusal', timeoutMs: 60_000 });
        server.order({ replicaId: wrong.replicaId, will: 'absent', spec: null });
        server.order({ replicaId: right.replicaId, will: 'run', spec: right });
        await until(() => server.workloads.get(right.replicaId)?.phase === 'running', { what: 'the replica', timeoutMs: 60_000 });
        expect(onDisk().opened).toContain(CREDENTIAL.password);
        for (const text of [onDisk().raw, agent.output, JSON.stringify(server.reports)])
          for (const { registry: login } of [wrong, right]) expect(text).not.toContain(login?.password);

        const end = server.order({ replicaId: right.replicaId, will: 'absent', spec: null });
        await until(() => server.gone.get(right.replicaId) === end.version, { what: 'the end' });
        for (const { registry: login } of [wrong, right]) expect(onDisk().opened).not.toContain(login?.password);
      });
    }),
  ),
);
