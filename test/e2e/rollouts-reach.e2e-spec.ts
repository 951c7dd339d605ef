import { randomUUID } from 'node:crypto';
import { change, QUICK, rolloutEnds, rolloutOf } from '../support/changes';
import { aSpec } from '../support/deployments';
import { joinAgent, joinedNode, LinkedAgent } from '../support/linked-agent';
import { MemoryEngine } from '../support/memory-engine';
import { startTestApp, type TestApp } from '../support/test-app';
import { until } from '../support/until';

interface StatusBody {
  status: string;
  health: string;
  health_reasons: string[];
  replicas: { status: string; node_id: string }[];
  routes: { state: string; backends: number }[];
  work: { last_error: string | null } | null;
}

/** Two machines that dial out: routers reach what runs there only at an address that an administrator has set. */
describe('replicas on a machine that no router reaches', () => {
  let t: TestApp;
  const agents: LinkedAgent[] = [];

  beforeAll(async () => {
    const router = { LOAD_BALANCER: 'traefik', ROUTING_TOKEN: 'a-token-of-the-routers-of-this-test', DRAIN_SECONDS: '1' };
    t = await startTestApp({ env: { ...router, RUNTIME: 'agent', NODE_SYNC_SECONDS: '1' } });
  });
  afterAll(async () => {
    for (const agent of agents) agent.cut();
    await t?.close();
  });

  const patchNode = (id: string, patch: object) => t.as('root', { admin: true }).patch(`/api/nodes/${id}`).send(patch).expect(200);
  const machine = async (region: string, address: string | null): Promise<{ id: string; name: string }> => {
    const { target, token } = await joinedNode(t, `edge-${randomUUID().slice(0, 8)}`, region);
    agents.push(await new LinkedAgent(await joinAgent(t.url, token), new MemoryEngine()).connect(t.url));
    const isOnline = async (): Promise<boolean> =>
      ((await t.as('root', { admin: true }).get(`/api/nodes/${target.id}`)).body as { status: string }).status !== 'offline';
    await until(isOnline, { what: 'the node to be online' });
    await patchNode(target.id, { address });
    return target;
  };
  const status = async (id: string): Promise<StatusBody> => (await t.as('ada').get(`/api/deployment/status/${id}`)).body as StatusBody;
  const backends = async (id: string): Promise<number | undefined> => (await status(id)).routes[0]?.backends;
  const runsOn = async (id: string): Promise<string[]> =>
    (await status(id)).replicas.filter((replica) => replica.status === 'running').map((replica) => replica.node_id);
  /** A deployment with a route, whose replica runs on the first of two machines; the second one has no address. */
  const routed = async () => {
    const region = `region-${randomUUID().slice(0, 8)}`;
    const reached = await machine(region, '127.0.0.1');
    const wish = { ports: [{ container_port: 8080 }], routes: [{ port: 8080 }], rollout: QUICK };
    const body = aSpec({ region, container_image: 'memory:1', ...wish });
    const answer = await t.as('ada').post('/api/deployment/deploy').send(body).expect(202);
    const { deployment_id: id } = answer.body as { deployment_id: string };
    await until(async () => (await backends(id)) === 1, { what: 'a replica to take requests' });
    return { id, reached, lonely: await machine(region, null) };
  };
  const wordsOf = (name: string): string => `No router reaches replicas on node ${name}: the node needs an address`;

  it('do not take the place of those that take requests, until the machine has an address', async () => {
    const { id, reached, lonely } = await routed();
    await patchNode(reached.id, { cordoned: true });
    await change(t, 'ada', id, { container_image: 'memory:2' }).expect(202);
    await until(async () => (await rolloutOf(t, 'ada', id)).reason === wordsOf(lonely.name), { what: 'the reason' });
    expect(await runsOn(id)).toEqual([reached.id, lonely.id]);
    const waits = { state: 'progressing', updated_replicas: 1, healthy_replicas: 0, old_replicas: 1 };
    expect([await rolloutOf(t, 'ada', id), await backends(id)]).toMatchObject([waits, 1]);
    expect(await status(id)).toMatchObject({ health: 'healthy', health_reasons: [wordsOf(lonely.name)] });
    await patchNode(lonely.id, { address: '127.0.0.1' });
    expect(await rolloutEnds(t, 'ada', id, 'completed')).toMatchObject({ healthy_replicas: 1 });
    expect((await status(id)).health_reasons).toEqual([]);
    await until(async () => (await runsOn(id)).join() === lonely.id, { what: 'the old replica to be gone' });
    expect(await backends(id)).toBe(1);
  });

  it('let the rollout end at its deadline, with the words', async () => {
    const { id, reached, lonely } = await routed();
    await patchNode(reached.id, { cordoned: true });
    const rollout = { ...QUICK, progress_deadline_seconds: 10 };
    await change(t, 'ada', id, { container_image: 'memory:2', rollout }).expect(202);
    const { reason } = await rolloutEnds(t, 'ada', id, 'rolled_back');
    expect(reason).toBe(`No progress for 10 s: 0 of 1 new replicas are healthy; ${wordsOf(lonely.name)}`);
    expect([await runsOn(id), await backends(id)]).toEqual([[reached.id], 1]);
  });

  it('let a node drain only when routers reach them', async () => {
    const { id, reached, lonely } = await routed();
    await patchNode(reached.id, { draining: true });
    await until(async () => (await status(id)).work?.last_error === wordsOf(lonely.name), { what: 'the reason' });
    expect([(await runsOn(id)).sort(), await backends(id)]).toEqual([[reached.id, lonely.id].sort(), 1]);
    await patchNode(lonely.id, { address: '127.0.0.1' });
    await until(async () => (await runsOn(id)).join() === lonely.id, { what: 'the node to be drained' });
    expect(await backends(id)).toBe(1);
  });
});
