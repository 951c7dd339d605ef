import { randomInt } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { checkInvariants } from '../../src/invariants/check-invariants';
import { LABEL } from '../../src/runtime/docker/docker-labels';
import { AgentUnderTest, joinToken, nodeIsThere } from '../support/agent-under-test';
import type { Answer, Client } from '../support/client';
import { statusOf } from '../support/deployments-under-test';
import { engineClient, loadTestImage, removeContainersOf, TEST_IMAGE } from '../support/engine';
import { Installation } from '../support/installation';
import { adminOf, type Environment } from '../support/process-under-test';
import { until } from '../support/until';

export const CUTS = Number(process.env.AGENT_CUTS ?? '10');
export const ROUND_TRIP_MS = 2_000;
export const LOSS_SHARE = 0.05;
/** A thousand cuts take longer than a token is good for by default. */
const SMALL = { MIN_CPU_CORES: '0.1', MIN_MEMORY_MB: '16', DEFAULT_STORAGE_GB: '1', MIN_STORAGE_GB: '1', ACCESS_TOKEN_SECONDS: '86400' };
const RESOURCES = { cpu: 0.1, memory: 16, storage: 1 };
/** Both ends take a link for broken after a minute of silence. */
const BROKEN_AFTER_MS = 65_000;
const DONE_WITHIN_MS = 5_000;
/** What an agent may cost a metered link: a ping takes 20 seconds, and the machine is looked at each minute. */
const METERED_MS = 120_000;
const MOST_BYTES_PER_SECOND = 200;

/** A bad link between an agent and its control plane, of whatever kind. */
export interface CutLink {
  /** For the control plane. */
  readonly environment: Environment;
  /** Where the agent finds the control plane that listens at `url`. */
  lead(url: string): Promise<string>;
  /** What to put before the command of the agent. */
  readonly inside: readonly string[];
  cut(): Promise<void>;
  restore(): Promise<void>;
  /** Makes a good link of it. */
  heal(): Promise<void>;
  /** How many bytes have passed so far, with the headers of TCP and IP; absent: nobody counts. */
  bytes?(): Promise<number>;
  close(): void;
}

interface Promised {
  replicas: number;
  state: 'live' | 'stopped' | 'deleted';
}

/** The tests of an agent behind a link that is cut again and again, under a load of changes. To be called in a `describe`. */
export function testCuts(open: () => Promise<CutLink>): void {
  const docker = engineClient();
  const home = mkdtempSync(join(tmpdir(), 'fog-agent-'));
  const ledger = new Map<string, Promised>();
  let installation: Installation;
  let installationId: string;
  let client: Client;
  let link: CutLink;
  let agent: AgentUnderTest;

  const containers = async () => docker.listContainers({ all: true, filters: { label: [`${LABEL.installation}=${installationId}`] } });

  beforeAll(async () => {
    await loadTestImage(docker);
    link = await open();
    installation = await Installation.create();
    const product = await installation.start({ RUNTIME: 'agent', ...SMALL, ...link.environment });
    client = await adminOf(product);
    const [row] = await installation.dataSource.query<[{ id: string }]>('SELECT id FROM installation');
    installationId = row.id;
    const token = await joinToken(client);
    const env = { SERVER_URL: await link.lead(product.url), SERVER_PLAIN_HTTP: 'true', JOIN_TOKEN: token, DATA_DIR: home };
    agent = new AgentUnderTest(env, link.inside);
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

  const deploy = async (name: string, replicas: number, command = ['sleep', '100000']): Promise<string> => {
    const what = { container_image: TEST_IMAGE, command, resources: RESOURCES };
    const answer = await client.post('/api/deployment/deploy', { name, type: 'compute', replicas, ...what });
    expect(answer.status).toBe(202);
    return (answer.body as { deployment_id: string }).deployment_id;
  };

  /** Whether a change was acknowledged. The state of a deployment may forbid it, and that of the node, which may be offline. */
  const isTaken = ({ status, body }: Answer): boolean => {
    if (status >= 300 && status !== 409 && status !== 503) throw new Error(`A change was answered with ${status}: ${JSON.stringify(body)}`);
    return status < 300;
  };

  /** One acknowledged change of a deployment, or a new one. What the state of a deployment forbids is refused, and promises nothing. */
  const change = async (turn: number): Promise<void> => {
    const known = [...ledger].filter(([, { state }]) => state !== 'deleted');
    const [id, promised] = known[randomInt(Math.max(1, known.length))] ?? [];
    if (id === undefined || promised === undefined || known.length < 3) {
      const replicas = 1 + randomInt(2);
      ledger.set(await deploy(`edge-${turn}`, replicas), { replicas, state: 'live' });
      return;
    }
    switch (randomInt(4)) {
      case 0: {
        const replicas = 1 + randomInt(3);
        if (isTaken(await client.post(`/api/deployment/scale/${id}`, { replicas }))) promised.replicas = replicas;
        return;
      }
      case 1: {
        const verb = promised.state === 'live' ? 'stop' : 'start';
        if (isTaken(await client.post(`/api/deployment/${id}/${verb}`, undefined))) promised.state = verb === 'stop' ? 'stopped' : 'live';
        return;
      }
      default:
        if (isTaken(await client.delete(`/api/deployment/${id}`))) promised.state = 'deleted';
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
        await link.cut();
        await sleep(randomInt(4_000));
        await link.restore();
      }
      over = true;
      await Promise.all([looking, changing]);
      await link.heal();

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
        ...{ timeoutMs: 200_000, everyMs: 500 },
        what: 'the machine to have exactly what was acknowledged',
      });
      for (const id of wanted().keys())
        await until(async () => (await statusOf(client, id)).status === 'running', { what: `${id} to run` });
      expect([...faults]).toEqual([]);
      // What the machine has done reaches the records over the same link, so later than it is seen here.
      const broken = () => checkInvariants(installation.dataSource, { graceSeconds: 30 });
      await until(async () => (await broken()).length === 0, { what: 'the records to agree', timeoutMs: 60_000 }).catch(() => undefined);
      expect(await broken()).toEqual([]);
      process.stderr.write(`\n${CUTS} cuts, ${ledger.size} deployments\n`);
    },
    340_000 + CUTS * 12_000,
  );

  it('costs a metered link little while nothing changes', async () => {
    if (link.bytes === undefined) return;
    await sleep(5_000);
    const before = await link.bytes();
    await sleep(METERED_MS);
    const perSecond = ((await link.bytes()) - before) / (METERED_MS / 1_000);
    const replicas = (await containers()).length;
    process.stderr.write(`\n${perSecond.toFixed(1)} bytes of IP packets per second, ${replicas} replicas\n`);
    expect(perSecond).toBeLessThan(MOST_BYTES_PER_SECOND);
  });

  it('that was cut for so long that both ends have noticed: a delete is decided, and done within five seconds of the return', async () => {
    const id = await deploy('ends-at-once', 2, ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 0.1; done']);
    await until(async () => (await statusOf(client, id)).status === 'running', { what: 'the replicas', timeoutMs: 60_000 });
    const ups = (): number => agent.output.split('The link to the control plane is up').length;
    const before = ups();
    await link.cut();
    await sleep(BROKEN_AFTER_MS);
    expect((await client.delete(`/api/deployment/${id}`)).status).toBe(202);
    const ended = async () => ((await client.get(`/api/deployment/${id}/deletion`)).body as { completed_at: string | null }).completed_at;
    expect(await ended()).toBeNull();
    await link.restore();
    await until(() => ups() > before, { what: 'the link', timeoutMs: 180_000, everyMs: 20 });
    const begun = performance.now();
    await until(ended, { what: 'the end of the teardown', everyMs: 50 });
    const tookMs = performance.now() - begun;
    process.stderr.write(`\nThe teardown was over ${Math.round(tookMs)} ms after the link was up\n`);
    expect(tookMs).toBeLessThan(DONE_WITHIN_MS);
    expect((await containers()).filter(({ Labels: labels }) => labels[LABEL.deployment] === id)).toEqual([]);
  }, 420_000);
}
