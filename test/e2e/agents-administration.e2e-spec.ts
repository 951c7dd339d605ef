import { randomUUID } from 'node:crypto';
import { specDigest } from '../../src/engines/spec-digest';
import { aSpec, statusOf } from '../support/deployments';
import { AgentKey, joinAgent, joinedNode, LinkedAgent } from '../support/linked-agent';
import { MemoryEngine } from '../support/memory-engine';
import { decide, root, untilListed } from '../support/orphans';
import { startTestApp, type TestApp } from '../support/test-app';
import { until } from '../support/until';

const SPEED = { NODE_SYNC_SECONDS: '1', NODE_OFFLINE_AFTER_SECONDS: '4', NODE_LOST_AFTER_SECONDS: '0', RUNTIME: 'agent' };

interface Machine {
  readonly nodeId: string;
  readonly engine: MemoryEngine;
  readonly agent: LinkedAgent;
}

describe('what administrators do about machines that only dial out', () => {
  let t: TestApp;
  const machines: Machine[] = [];
  beforeAll(async () => {
    t = await startTestApp({ env: { ...SPEED, AUTH_RATE_LIMIT_PER_MINUTE: '5' } });
  });
  afterEach(async () => {
    for (const { agent, nodeId } of machines.splice(0)) {
      await root(t).patch(`/api/nodes/${nodeId}`).send({ cordoned: true }).expect(200);
      agent.cut();
    }
  });
  afterAll(() => t?.close());

  const nodeOf = async (nodeId: string) => (await root(t).get(`/api/nodes/${nodeId}`).expect(200)).body;
  const machine = async (region: string): Promise<Machine> => {
    const { target, token } = await joinedNode(t, `edge-${randomUUID().slice(0, 8)}`, region);
    const engine = new MemoryEngine();
    const agent = await new LinkedAgent(await joinAgent(t.url, token), engine).connect(t.url);
    const made = { nodeId: target.id, engine, agent };
    machines.push(made);
    await until(async () => (await nodeOf(target.id)).status !== 'offline', { what: 'the node is online' });
    return made;
  };
  const running = async (id: string) => (await statusOf(t, 'ada', id)).replicas.filter(({ status }) => status === 'running');
  const deployed = async (region: string, over: object = {}): Promise<string> => {
    const body = aSpec({ region, container_image: 'memory:1', ...over });
    const id = (await t.as('ada').post('/api/deployment/deploy').send(body).expect(202)).body.deployment_id as string;
    await until(async () => (await statusOf(t, 'ada', id)).status === 'running', { what: 'the deployment runs' });
    return id;
  };
  const reserved = async (nodeId: string): Promise<number> => (await nodeOf(nodeId)).reserved.cpu_cores as number;

  it('a drain moves what runs to another machine, and nothing stays', async () => {
    const [one, other] = [await machine('drained'), await machine('drained')];
    const id = await deployed('drained');
    const [from, to] = one.engine.workloads.size === 1 ? [one, other] : [other, one];
    await root(t).patch(`/api/nodes/${from.nodeId}`).send({ draining: true }).expect(200);
    await until(async () => (await running(id)).map(({ node_id }) => node_id).join() === to.nodeId, { what: 'it runs elsewhere' });
    await until(() => from.engine.workloads.size === 0, { what: 'the machine is empty' });
    await until(async () => (await reserved(from.nodeId)) === 0, { what: 'nothing is reserved' });
    expect(to.engine.workloads.size).toBe(1);
    expect((await nodeOf(from.nodeId)).status).toBe('maintenance');
  });

  it('a force release gives up what an absent machine holds, and that goes first when it is back', async () => {
    const { nodeId, engine, agent } = await machine('released');
    const id = await deployed('released');
    agent.cut();
    await until(async () => (await nodeOf(nodeId)).status === 'offline', { what: 'the node is offline' });
    await t.dataSource.query(`UPDATE agent_links SET last_heard = now() - interval '2 hours' WHERE node_id = $1`, [nodeId]);
    expect((await root(t).get('/metrics').expect(200)).text).toMatch(/fog_agents\{state="away_under_1d"\} 1/);
    await t.as('ada').delete(`/api/deployment/${id}`).expect(202);
    await root(t).post(`/api/deployment/${id}/force-release`).send({ reason: 'Stolen' }).expect(200);
    expect(await reserved(nodeId)).toBe(0);
    expect(engine.workloads.size).toBe(1);
    await agent.connect(t.url);
    await until(() => engine.workloads.size === 0, { what: 'what was given up goes' });
  });

  it('a container without a record is adopted, and ordered from then on, so that its machine heals it', async () => {
    const { engine, agent } = await machine('adopted');
    const id = await deployed('adopted');
    const [kept] = engine.workloads.values();
    const spec = { ...kept!.spec, replicaId: randomUUID() };
    const origin = { ...kept!.shown.origin!, name: 'stranger', specDigest: specDigest(spec) };
    const shown = { ...kept!.shown, replicaId: spec.replicaId, containerId: randomUUID(), version: null, origin };
    engine.workloads.set(spec.replicaId, { ...kept!, spec, shown });
    await agent.reported();
    const orphan = await untilListed(t, spec.replicaId);
    expect(agent.disk.orders.get(spec.replicaId)).toBeUndefined();
    await root(t).post(`/api/admin/orphans/${orphan.id}/adopt?raise_target=true`).set('If-Match', orphan.etag).expect(202);
    await until(async () => (await running(id)).some((replica) => replica.id === spec.replicaId), { what: 'the adopted one runs' });
    const order = await until(() => agent.disk.orders.get(spec.replicaId), { what: 'an order for it' });
    expect(order).toMatchObject({ will: 'run', spec: { image: 'memory:1' } });
    const { version } = order;
    await until(() => engine.workloads.get(spec.replicaId)?.shown.version === version, { what: 'the order is carried out' });
    expect(engine.workloads.get(spec.replicaId)?.shown).toMatchObject({ containerId: shown.containerId, startedAt: shown.startedAt });
    await t.as('ada').delete(`/api/deployment/${id}?wait=10`).expect(200);
    expect(engine.workloads.size).toBe(0);
  });

  it('a container without a record is reaped', async () => {
    const { engine, agent } = await machine('reaped');
    const id = await deployed('reaped');
    const [kept] = engine.workloads.values();
    const replicaId = randomUUID();
    engine.workloads.set(replicaId, { ...kept!, shown: { ...kept!.shown, replicaId, containerId: randomUUID(), version: null } });
    await agent.reported();
    await decide(t, 'reap', await untilListed(t, replicaId)).expect(202);
    await until(() => !engine.workloads.has(replicaId), { what: 'the container goes' });
    expect(await running(id)).toHaveLength(1);
    expect(engine.workloads.size).toBe(1);
  });

  it('many machines behind one address join at once, and only tokens that are no good are counted', async () => {
    const nodes = await Promise.all(Array.from({ length: 12 }, (_unused, index) => joinedNode(t, `fleet-${index}`, 'fleet')));
    await Promise.all(nodes.map(({ token }) => joinAgent(t.url, token)));
    const join = (join_token: string) =>
      t.http.post('/api/agents/join').send({
        ...{ join_token, public_key: new AgentKey().text },
        machine: { hostname: 'h', machine_id: 'm', platform: 'p', program_version: 'v' },
      });
    for (let guess = 0; guess < 5; guess++) await join(`fogj_guess-${guess}`).expect(401);
    await join((await joinedNode(t, 'late', 'fleet')).token).expect(200);
    await join('fogj_guess').expect(401);
    expect((await join('fogj_guess').expect(429)).body.code).toBe('rate_limited');
  });
});
