import { randomInt } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { checkInvariants } from '../../src/invariants/check-invariants';
import { LABEL } from '../../src/runtime/docker/docker-labels';
import { AgentUnderTest } from '../support/agent-under-test';
import { BadLink } from '../support/bad-link';
import type { Client } from '../support/client';
import { statusOf } from '../support/deployments-under-test';
import { describeWithEngine, engineClient, loadTestImage, removeContainersOf, TEST_IMAGE } from '../support/engine';
import { Installation } from '../support/installation';
import { adminOf } from '../support/process-under-test';
import { until } from '../support/until';

/** A thousand before a release: `AGENT_CUTS=1000 npx jest test/engine/agent-link`. */
const CUTS = Number(process.env.AGENT_CUTS ?? '10');
const ROUND_TRIP_MS = 2_000;
const SMALL = { MIN_CPU_CORES: '0.1', MIN_MEMORY_MB: '16', DEFAULT_STORAGE_GB: '1', MIN_STORAGE_GB: '1' };

interface Promised {
  replicas: number;
  state: 'live' | 'stopped' | 'deleted';
}

describeWithEngine(`an agent behind a link of ${ROUND_TRIP_MS} ms with 5 % loss that is cut ${CUTS} times`, () => {
  const docker = engineClient();
  const home = mkdtempSync(join(tmpdir(), 'fog-agent-'));
  const ledger = new Map<string, Promised>();
  let installation: Installation;
  let installationId: string;
  let client: Client;
  let link: BadLink;
  let agent: AgentUnderTest;

  const containers = async () => docker.listContainers({ all: true, filters: { label: [`${LABEL.installation}=${installationId}`] } });

  beforeAll(async () => {
    await loadTestImage(docker);
    installation = await Installation.create();
    const product = await installation.start({ RUNTIME: 'agent', ...SMALL });
    client = await adminOf(product);
    const [row] = await installation.dataSource.query<[{ id: string }]>('SELECT id FROM installation');
    installationId = row.id;
    link = await BadLink.to(product.url, { delayMs: ROUND_TRIP_MS / 2, lossShare: 0.05, repairMs: 1_000 });
    const { body } = await client.post('/api/nodes', { name: 'shop-7', runtime: 'agent', region: 'eu-west' });
    const { token } = (body as { join: { token: string } }).join;
    agent = new AgentUnderTest({ SERVER_URL: link.url, JOIN_TOKEN: token, DATA_DIR: home });
    await agent.start();
    await until(async () => JSON.stringify((await client.get('/api/nodes')).body).includes('"status":"idle"'), {
      what: 'the node to be there',
    });
  });

  afterAll(async () => {
    await agent?.kill();
    link?.close();
    await removeContainersOf(docker, installationId);
    await installation?.close();
    rmSync(home, { recursive: true, force: true });
  });

  const deploy = async (name: string, replicas: number): Promise<void> => {
    const what = { container_image: TEST_IMAGE, command: ['sleep', '100000'], resources: { cpu: 0.1, memory: 16, storage: 1 } };
    const answer = await client.post('/api/deployment/deploy', { name, type: 'compute', replicas, ...what });
    expect(answer.status).toBe(202);
    ledger.set((answer.body as { deployment_id: string }).deployment_id, { replicas, state: 'live' });
  };

  /** One acknowledged change of a deployment, or a new one. What the state of a deployment forbids is refused, and promises nothing. */
  const change = async (turn: number): Promise<void> => {
    const known = [...ledger].filter(([, { state }]) => state !== 'deleted');
    const [id, promised] = known[randomInt(Math.max(1, known.length))] ?? [];
    if (id === undefined || promised === undefined || known.length < 3) return deploy(`edge-${turn}`, 1 + randomInt(2));
    switch (randomInt(4)) {
      case 0: {
        const replicas = 1 + randomInt(3);
        if ((await client.post(`/api/deployment/scale/${id}`, { replicas })).status === 200) promised.replicas = replicas;
        return;
      }
      case 1: {
        const verb = promised.state === 'live' ? 'stop' : 'start';
        const { status } = await client.post(`/api/deployment/${id}/${verb}`, undefined);
        if (status < 300) promised.state = verb === 'stop' ? 'stopped' : 'live';
        return;
      }
      default:
        if ((await client.delete(`/api/deployment/${id}`)).status < 300) promised.state = 'deleted';
    }
  };

  it(
    'loses nothing that was acknowledged, leaves nothing behind, and never runs two generations at once',
    async () => {
      const faults = new Set<string>();
      let over = false;
      const looking = (async () => {
        for (; !over; await sleep(100)) {
          const running = (await containers()).filter(({ State: state }) => state === 'running').map(({ Labels: labels }) => labels);
          const replicas = running.map((labels) => labels[LABEL.replica]);
          if (new Set(replicas).size !== replicas.length) faults.add('two containers of one replica');
          const generations = new Map<string, Set<string>>();
          for (const labels of running) {
            const of = labels[LABEL.deployment] ?? '';
            generations.set(of, (generations.get(of) ?? new Set()).add(labels[LABEL.generation] ?? ''));
          }
          for (const [of, seen] of generations) if (seen.size > 1) faults.add(`${of} ran ${[...seen].join(' and ')} at once`);
        }
      })();
      const changing = (async () => {
        for (let turn = 0; !over; turn++) {
          await change(turn);
          await sleep(randomInt(1_500));
        }
      })();
      for (let cut = 0; cut < CUTS; cut++) {
        await sleep(1_000 + randomInt(5_000));
        link.cut({ silently: randomInt(2) === 0 });
        await sleep(randomInt(4_000));
        link.restore();
      }
      over = true;
      await Promise.all([looking, changing]);
      link.quality = { delayMs: 0, lossShare: 0, repairMs: 0 };

      const wanted = (): Map<string, number> =>
        new Map([...ledger].flatMap(([id, { state, replicas }]) => (state === 'live' ? [[id, replicas]] : [])));
      const there = async (): Promise<Map<string, number>> => {
        const count = new Map<string, number>();
        for (const { Labels: labels, State: state } of await containers()) {
          const of = labels[LABEL.deployment] ?? '';
          if (state === 'running' || !wanted().has(of)) count.set(of, (count.get(of) ?? 0) + 1);
        }
        return count;
      };
      await until(async () => JSON.stringify([...(await there())].sort()) === JSON.stringify([...wanted()].sort()), {
        ...{ timeoutMs: 100_000, everyMs: 500 },
        what: 'the machine to have exactly what was acknowledged',
      });
      for (const id of wanted().keys())
        await until(async () => (await statusOf(client, id)).status === 'running', { what: `${id} to run` });
      expect([...faults]).toEqual([]);
      expect(await checkInvariants(installation.dataSource, { graceSeconds: 30 })).toEqual([]);
      process.stderr.write(`\n${CUTS} cuts, ${ledger.size} deployments\n`);
    },
    240_000 + CUTS * 12_000,
  );
});
