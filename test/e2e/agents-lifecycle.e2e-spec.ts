import { randomUUID } from 'node:crypto';
import { aSpec } from '../support/deployments';
import { joinAgent, joinedNode, LinkedAgent, type AgentDisk } from '../support/linked-agent';
import { MemoryEngine } from '../support/memory-engine';
import { secondApp } from '../support/second-app';
import { startTestApp, type TestApp } from '../support/test-app';
import { until } from '../support/until';

interface StatusBody {
  deployment_id: string;
  status: string;
  replicas: { id: string; status: string; node_id: string }[];
}

const SPEED = { NODE_SYNC_SECONDS: '1', NODE_OFFLINE_AFTER_SECONDS: '4', NODE_LOST_AFTER_SECONDS: '6', RUNTIME: 'agent' };

/** $1 deployment. */
const SUSPENDED = `SELECT 1 FROM deployment_replicas WHERE deployment_id = $1 AND suspended_at IS NOT NULL`;
const WARM = `SELECT 1 FROM deployment_replicas WHERE deployment_id = $1 AND warm_until > clock_timestamp()`;

/** The link is with one process, the worker is another one, and requests go to either of two API processes. */
describe('deployments on machines that only dial out', () => {
  let t: TestApp;
  let second: string;
  const others: { close(): Promise<void> }[] = [];
  const machines: Machine[] = [];
  let counter = 0;

  interface Machine {
    nodeId: string;
    region: string;
    disk: AgentDisk;
    engine: MemoryEngine;
    agent: LinkedAgent;
  }

  beforeAll(async () => {
    t = await startTestApp({ env: { ...SPEED, ROLE: 'api' } });
    others.push(await secondApp(t, { ...SPEED, ROLE: 'worker' }));
    const api = await secondApp(t, { ...SPEED, ROLE: 'api' });
    second = (await api.getUrl()).replace('[::1]', '127.0.0.1');
    others.push(api);
  });
  // No machine of a test takes the replicas of the next one.
  afterEach(async () => {
    for (const { agent, nodeId } of machines.splice(0)) {
      await t.as('root', { admin: true }).patch(`/api/nodes/${nodeId}`).send({ cordoned: true }).expect(200);
      agent.cut();
      expect(agent.unlike).toEqual([]);
    }
  });
  afterAll(async () => {
    for (const other of others) await other.close();
    await t?.close();
  });

  const machine = async (region = `region-${(counter += 1)}`): Promise<Machine> => {
    const { target, token } = await joinedNode(t, `edge-${randomUUID().slice(0, 8)}`, region);
    const [disk, engine] = [await joinAgent(t.url, token), new MemoryEngine()];
    const agent = await new LinkedAgent(disk, engine).connect(t.url);
    const made = { nodeId: target.id, region, disk, engine, agent };
    machines.push(made);
    await until(
      async () => ((await t.as('root', { admin: true }).get(`/api/nodes/${target.id}`)).body as { status: string }).status !== 'offline',
      { what: 'the node is online' },
    );
    return made;
  };
  const deploy = async (region: string, over: object = {}): Promise<string> => {
    const body = aSpec({ region, container_image: 'memory:1', ...over });
    return ((await t.as('ada').post('/api/deployment/deploy').send(body).expect(202)).body as StatusBody).deployment_id;
  };
  const status = async (id: string): Promise<StatusBody> =>
    (await t.as('ada').get(`/api/deployment/status/${id}?include_deleted=true`)).body as StatusBody;
  const runs = (id: string) => until(async () => (await status(id)).status === 'running', { what: `${id} runs` });
  /** Its successor there is known to run: one that only starts would go again when the machine of the first one is back. */
  const runsOn = (id: string, { nodeId }: Machine) =>
    until(async () => (await status(id)).replicas.some((each) => each.node_id === nodeId && each.status === 'running'), {
      what: `${id} runs on its next machine`,
    });

  it('start within ten seconds of joining, show their output from any process, and are gone when deleted', async () => {
    const begin = performance.now();
    const { engine, region } = await machine();
    const id = await deploy(region, { env: { SCRIPT: 'speaks', GREETING: 'you' } });
    await runs(id);
    expect(performance.now() - begin).toBeLessThan(10_000);
    expect(engine.workloads.size).toBe(1);
    const token = await t.token('ada');
    for (const url of [t.url, second]) {
      const answer = await fetch(`${url}/api/deployment/${id}/logs`, { headers: { authorization: `Bearer ${token}` } });
      expect(await answer.text()).toContain('second you');
    }
    await t.as('ada').delete(`/api/deployment/${id}?wait=10`).expect(200);
    expect(engine.workloads.size).toBe(0);
    expect(await t.dataSource.query(`SELECT 1 FROM agent_calls`)).toEqual([]);
    expect(JSON.stringify(await t.dataSource.query(`SELECT * FROM agent_orders`))).not.toContain('GREETING');
  });

  it('that are deleted while the machine is away are decided, say what they wait for, and go within five seconds of its return', async () => {
    const { engine, region, agent } = await machine();
    const id = await deploy(region);
    await runs(id);
    agent.cut();
    await t.as('ada').delete(`/api/deployment/${id}`).expect(202);
    await until(async () => JSON.stringify((await t.as('ada').get(`/api/deployment/${id}/deletion`)).body).includes('was last heard'), {
      what: 'the ledger says what it waits for',
    });
    expect(engine.workloads.size).toBe(1);
    const begin = performance.now();
    await agent.connect(second);
    await until(
      async () => ((await t.as('ada').get(`/api/deployment/${id}/deletion`)).body as { completed_at: string | null }).completed_at,
      { what: 'the end of the teardown' },
    );
    expect(performance.now() - begin).toBeLessThan(5_000);
    expect(engine.workloads.size).toBe(0);
  });

  it('of a lost machine get successors elsewhere, and what was replaced goes first when it returns', async () => {
    const [one, other] = [await machine(), await machine()];
    const id = await deploy(one.region, { replicas: 1 });
    await runs(id);
    expect([one.engine.workloads.size, other.engine.workloads.size].sort()).toEqual([0, 1]);
    const [lost, kept] = one.engine.workloads.size === 1 ? [one, other] : [other, one];
    const [replaced] = lost.engine.workloads.keys();
    lost.agent.cut();
    await runsOn(id, kept);
    expect(kept.engine.workloads.size).toBe(1);
    expect(lost.engine.workloads.size).toBe(1);
    await lost.agent.connect(t.url);
    await until(() => lost.engine.workloads.size === 0, { what: 'the replaced one goes' });
    expect(lost.disk.orders.get(replaced ?? '')?.will ?? 'absent').toBe('absent');
    expect(kept.engine.workloads.size).toBe(1);
    // It would get its next successor on the machine of the next test.
    await t.as('ada').delete(`/api/deployment/${id}?wait=10`).expect(200);
  });

  it('of a machine that was away for a month are what is wanted by now, within five seconds of its return', async () => {
    const away = await machine();
    const [kept, deleted, moved] = [
      await deploy(away.region, { replicas: 1 }),
      await deploy(away.region, { replicas: 1 }),
      await deploy(away.region, { replicas: 1 }),
    ];
    for (const id of [kept, deleted, moved]) await runs(id);
    expect(away.engine.workloads.size).toBe(3);
    away.agent.cut();
    await t.as('ada').delete(`/api/deployment/${deleted}`).expect(202);
    await t.as('ada').post(`/api/deployment/${kept}/stop`).expect(202);
    const there = await machine();
    await runsOn(moved, there);
    expect(there.engine.workloads.size).toBe(1);
    await t.dataSource.query(
      `UPDATE agent_links SET last_heard = last_heard - interval '31 days', reported_at = reported_at - interval '31 days' WHERE node_id = $1`,
      [away.nodeId],
    );
    await t.dataSource.query(`UPDATE agent_accounts SET noted_at = noted_at - interval '31 days' WHERE node_id = $1`, [away.nodeId]);
    const [begun, known] = [performance.now(), away.agent.got.length];
    await away.agent.connect(second);
    // Whoever was away for so long gets all orders, and not the steps to them.
    const all = () => away.agent.got.slice(known).find((message) => message.type === 'orders' && message.since === null);
    await until(all, { what: 'all orders' });
    await until(() => away.engine.workloads.size === 0, { what: 'nothing to run there' });
    await until(
      async () => ((await t.as('ada').get(`/api/deployment/${deleted}/deletion`)).body as { completed_at: string | null }).completed_at,
      { what: 'the end of the teardown' },
    );
    expect(performance.now() - begun).toBeLessThan(5_000);
    expect(there.engine.workloads.size).toBe(1);
    await t.as('ada').delete(`/api/deployment/${moved}?wait=10`).expect(200);
  });

  it('that are kept warm while the machine is away go when it is back after the end of that time', async () => {
    const { engine, region, agent } = await machine();
    const id = await deploy(region);
    await runs(id);
    await t.as('ada').delete(`/api/deployment/${id}?keep_warm=6s&grace_seconds=0&wait=0`).expect(202);
    const suspended = async () => (await t.dataSource.query(SUSPENDED, [id])).length > 0;
    await until(suspended, { what: 'the container to be suspended' });
    agent.cut();
    expect(engine.workloads.size).toBe(1);
    await until(async () => (await t.dataSource.query(WARM, [id])).length === 0, { what: 'the end of the window' });
    expect(engine.workloads.size).toBe(1);
    const begun = performance.now();
    await agent.connect(second);
    await until(
      async () => ((await t.as('ada').get(`/api/deployment/${id}/deletion`)).body as { completed_at: string | null }).completed_at,
      { what: 'the end of the teardown' },
    );
    expect(performance.now() - begun).toBeLessThan(5_000);
    expect(engine.workloads.size).toBe(0);
  });

  it('go on while the process with the link ends, and the agent finds another one', async () => {
    const { engine, region, agent } = await machine();
    const third = await secondApp(t, { ...SPEED, ROLE: 'api' });
    agent.cut();
    await agent.connect((await third.getUrl()).replace('[::1]', '127.0.0.1'));
    const id = await deploy(region);
    await runs(id);
    await third.close();
    expect((await until(() => agent.closed, { what: 'the end of the link' })).code).toBe(1012);
    await agent.connect(t.url);
    await t.as('ada').delete(`/api/deployment/${id}?wait=20`).expect(200);
    expect(engine.workloads.size).toBe(0);
  });

  it('tell once what the machine healed while it was away', async () => {
    const { region, agent } = await machine();
    const id = await deploy(region);
    await runs(id);
    const [replica] = agent.disk.orders.keys();
    const account = {
      id: randomUUID(),
      replicaId: replica,
      at: '2031-01-01T00:00:00.000Z',
      agoMs: 90_000,
      words: 'Exited with code 1 and was started again',
    };
    agent.report({ accounts: [account] as never });
    await agent.reported();
    agent.report({ accounts: [account] as never });
    await agent.reported();
    const rows = await t.dataSource.query<{ reason: string; old_status: string; new_status: string }[]>(
      `SELECT reason, old_status, new_status FROM deployment_status_history WHERE deployment_id = $1 AND event = 'healed'`,
      [id],
    );
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({ old_status: 'running', new_status: 'running' });
    expect(rows[0]?.reason).toMatch(
      /^Node edge-\w+, while its link was away: Exited with code 1 and was started again \(at 20\d\d-.*Z; 2031-01-01T00:00:00Z by the clock/,
    );
    const events = await t.dataSource.query(`SELECT 1 FROM events WHERE type = 'fog.deployment.healed' AND deployment_id = $1`, [id]);
    expect(events).toHaveLength(1);
  });
});
