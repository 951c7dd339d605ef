import { randomUUID } from 'node:crypto';
import type { OrdersMessage, ReportMessage } from '../../src/runtime/agent/link-messages';
import { rotationProof } from '../../src/runtime/agent/link-messages';
import type { EngineInfo } from '../../src/engines/engine-info';
import { AgentKey, joinAgent, joinedNode, LinkedAgent, type AgentDisk } from '../support/linked-agent';
import { MemoryEngine } from '../support/memory-engine';
import { startTestApp, type TestApp } from '../support/test-app';
import { until } from '../support/until';

interface NodeBody {
  id: string;
  status: string;
  last_error: string | null;
  cpu_cores: number;
}

describe('machines that only dial out', () => {
  let t: TestApp;
  let counter = 0;
  const agents: LinkedAgent[] = [];

  beforeAll(async () => {
    t = await startTestApp({ env: { RUNTIME: 'agent', NODE_SYNC_SECONDS: '1', NODE_OFFLINE_AFTER_SECONDS: '5' } });
  });
  afterEach(() => {
    const all = agents.splice(0);
    for (const agent of all) agent.cut();
    expect(all.flatMap(({ unlike }) => unlike)).toEqual([]);
  });
  afterAll(() => t?.close());

  const admin = () => t.as('root', { admin: true });
  const register = () => joinedNode(t, `edge-${(counter += 1)}`);
  const link = async (disk: AgentDisk, engine = new MemoryEngine(), options = {}): Promise<LinkedAgent> => {
    const agent = new LinkedAgent(disk, engine, options);
    agents.push(agent);
    return agent.connect(t.url);
  };
  const joined = async (): Promise<{ nodeId: string; disk: AgentDisk; name: string }> => {
    const { target, token } = await register();
    return { nodeId: target.id, name: target.name, disk: await joinAgent(t.url, token) };
  };
  const node = async (id: string): Promise<NodeBody> => (await admin().get(`/api/nodes/${id}`).expect(200)).body as NodeBody;
  const online = (id: string) => until(async () => (await node(id)).status !== 'offline', { what: 'the node is online' });
  const closedOf = (agent: LinkedAgent) => until(() => agent.closed, { what: 'the end of the link' });
  const joinWith = (join_token: string, over: object = {}) =>
    t.http.post('/api/agents/join').send({
      ...{ join_token, public_key: new AgentKey().text },
      machine: { hostname: 'h', machine_id: 'm', platform: 'p', program_version: 'v' },
      ...over,
    });

  describe('joining', () => {
    it('gives what to run, once, and makes the first machine that shows the token that of the node', async () => {
      const answer = await admin()
        .post('/api/nodes')
        .send({ name: `edge-${(counter += 1)}`, region: 'eu', runtime: 'agent' })
        .expect(201);
      const { id, join } = answer.body as { id: string; join: { token: string; command: string; expires_at: string } };
      expect(join.token).toMatch(/^fogj_[\w-]{43}$/);
      expect(join.command).toMatch(new RegExp(`^SERVER_URL=http\\S+ JOIN_TOKEN=${join.token} ROLE=agent npm start$`));
      const hours = (Date.parse(join.expires_at) - Date.now()) / 3_600_000;
      expect(hours > 23.9 && hours <= 24).toBe(true);
      expect(JSON.stringify((await admin().get(`/api/nodes/${id}`)).body)).not.toContain('fogj_');
      expect(JSON.stringify(await t.dataSource.query(`SELECT * FROM node_agents`))).not.toContain(join.token);

      const disk = await joinAgent(t.url, join.token);
      expect(disk.nodeId).toBe(id);
      const engine = new MemoryEngine();
      await link(disk, engine);
      await online(id);
      expect((await node(id)).cpu_cores).toBe(engine.info?.cpuCores);
    });

    it('answers the same machine again, and all others as if the token had never been', async () => {
      const { token } = await register();
      const key = new AgentKey();
      const first = await joinWith(token, { public_key: key.text }).expect(200);
      expect((await joinWith(token, { public_key: key.text }).expect(200)).body).toEqual(first.body);
      const { token: expired, target } = await register();
      await t.dataSource.query(`UPDATE node_agents SET join_expires_at = now() - interval '1 s' WHERE node_id = $1`, [target.id]);
      const { token: removed, target: gone } = await register();
      await admin().delete(`/api/nodes/${gone.id}`).expect(200);
      const answers = await Promise.all([token, expired, removed, 'fogj_made-up'].map((each) => joinWith(each)));
      for (const { status, body } of answers)
        expect([status, (body as { detail: string }).detail]).toEqual([401, (answers[3]?.body as { detail: string }).detail]);
    });

    it('of ten machines at once lets one in', async () => {
      const { token } = await register();
      const answers = await Promise.all(Array.from({ length: 10 }, () => joinWith(token)));
      expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array.from({ length: 9 }, () => 401)]);
    });

    it('again takes a new token, which shuts the machine of before out at once', async () => {
      const { nodeId, disk } = await joined();
      const agent = await link(disk);
      await online(nodeId);
      const answer = await admin().post(`/api/nodes/${nodeId}/join-token`).expect(201);
      const { token } = answer.body as { token: string };
      expect((await closedOf(agent)).code).toBe(1008);
      expect((await link(disk)).refused?.code).toBe('unknown_node');
      const rebuilt = await joinAgent(t.url, token);
      expect((await link(disk)).refused?.code).toBe('wrong_key');
      expect((await link(rebuilt)).welcome).not.toBeNull();
      await online(nodeId);
      const entries = await t.dataSource.query<{ action: string }[]>(
        `SELECT action FROM audit_log WHERE resource_id = $1 AND outcome = 'done' ORDER BY id`,
        [nodeId],
      );
      expect(entries.map(({ action }) => action)).toEqual(['node.register', 'node.join', 'node.rejoin', 'node.join']);
      await admin().post(`/api/nodes/${randomUUID()}/join-token`).expect(404);
    });
  });

  describe('who may be linked', () => {
    it('is who has the key, for this challenge only, and who speaks the protocol', async () => {
      const { disk } = await joined();
      expect((await link({ ...disk, key: new AgentKey() })).refused?.code).toBe('wrong_key');
      expect((await link({ ...disk, nodeId: randomUUID() })).refused?.code).toBe('unknown_node');
      expect((await link({ ...disk, machine: { ...disk.machine, machineId: 'another' } })).refused?.code).toBe('other_engine');
      for (const protocol of [0, 99]) {
        const { refused } = await link(disk, new MemoryEngine(), { protocol });
        expect(refused).toMatchObject({
          code: 'protocol',
          message: expect.stringContaining(protocol === 0 ? 'update the agent' : 'control plane first') as string,
        });
      }
      expect((await link(disk)).welcome).not.toBeNull();
    });

    it('is the right machine, however often somebody comes who knows only the id of its node', async () => {
      const { disk } = await joined();
      const stranger = { ...disk, key: new AgentKey() };
      for (let time = 0; time < 35; time++) expect((await link(stranger)).refused?.code).toBe('wrong_key');
      expect((await link(disk)).welcome).not.toBeNull();
    });

    it('is the machine with the next key, also when two of its hellos with it come at once', async () => {
      const { nodeId, disk } = await joined();
      const next = new AgentKey();
      await t.dataSource.query(`UPDATE node_agents SET next_public_key = $2 WHERE node_id = $1`, [nodeId, next.raw]);
      disk.key = next;
      await Promise.all([link(disk), link({ ...disk }), link({ ...disk })]);
      expect(await t.dataSource.query(`SELECT public_key FROM node_agents WHERE node_id = $1`, [nodeId])).toEqual([
        { public_key: next.raw },
      ]);
    });

    it('is no copy of the machine: the second one is refused, and administrators are told its name', async () => {
      const { nodeId, disk } = await joined();
      const copy = { ...disk, machine: { ...disk.machine, hostname: 'thief' } };
      const engine = new MemoryEngine();
      const first = await link(disk, engine);
      await first.reported();
      first.cut();
      copy.ticket = disk.ticket;
      const again = await link(disk, engine);
      await again.reported();
      const second = await link(copy);
      expect(second.refused?.code).toBe('second_machine');
      expect(again.closed).toBeNull();
      await until(async () => (await node(nodeId)).last_error?.includes('thief at 127.0.0.1'), { what: 'the trouble of the node' });
      expect(
        await t.dataSource.query(`SELECT after FROM audit_log WHERE action = 'node.second_machine' AND resource_id = $1`, [nodeId]),
      ).toEqual([{ after: { hostname: 'thief', address: '127.0.0.1' } }]);
    });

    it('is no fresh copy of its folder on another machine, whose engine is another one, and which is named at once', async () => {
      const { nodeId, disk } = await joined();
      disk.machine = { ...disk.machine, engineId: 'its-engine', hostId: 'its-host' };
      const first = await link(disk);
      await first.reported();
      const thief = { ...disk.machine, hostname: 'thief', hostId: 'another-host' };
      const asleep = await link({ ...disk, machine: { ...thief, engineId: null } });
      expect(asleep.refused).toMatchObject({ code: 'try_later', message: expect.stringContaining('its engine') as string });
      const copy = await link({ ...disk, machine: { ...thief, engineId: 'another-engine' } });
      expect(copy.refused?.code).toBe('other_engine');
      expect(first.closed).toBeNull();
      await until(async () => (await node(nodeId)).last_error?.includes('thief at 127.0.0.1'), { what: 'the trouble of the node' });
      expect(
        await t.dataSource.query(`SELECT after FROM audit_log WHERE action = 'node.second_machine' AND resource_id = $1`, [nodeId]),
      ).toEqual([{ after: { hostname: 'thief', address: '127.0.0.1' } }]);
      first.cut();
      for (const as of [{ engineId: null }, { engineId: 'its-engine', hostId: 'made-anew' }]) {
        disk.machine = { ...disk.machine, ...as };
        const again = await link(disk);
        expect(again.welcome).not.toBeNull();
        again.cut();
      }
    });

    it('is a machine whose engine was installed anew once it joins again, and is named until then', async () => {
      const { nodeId, disk } = await joined();
      disk.machine = { ...disk.machine, engineId: 'its-engine' };
      const before = await link(disk);
      await before.reported();
      before.cut();
      disk.machine = { ...disk.machine, engineId: 'installed-anew' };
      expect((await link(disk)).refused).toMatchObject({ code: 'other_engine', message: expect.stringContaining('join-token') as string });
      await until(async () => (await node(nodeId)).last_error?.includes('edge-under-test at 127.0.0.1'), {
        what: 'the trouble of the node',
      });
      const { token } = (await admin().post(`/api/nodes/${nodeId}/join-token`).expect(201)).body as { token: string };
      const again = await link(await joinAgent(t.url, token, { machine: disk.machine }));
      await again.reported();
      await until(async () => (await node(nodeId)).last_error === null, { what: 'no trouble any more' });
    });

    it('is the machine of the engine that its node has seen since, and is not named any more once it was let in', async () => {
      const { nodeId, disk } = await joined();
      const engine = new MemoryEngine();
      disk.machine = { ...disk.machine, engineId: null, hostId: 'its-host' };
      const first = await link(disk, engine);
      await first.reported();
      await online(nodeId);
      first.cut();
      disk.machine = { ...disk.machine, engineId: 'led-elsewhere' };
      expect((await link(disk, engine)).refused?.code).toBe('other_engine');
      await until(async () => (await node(nodeId)).last_error?.includes('edge-under-test'), { what: 'the trouble of the node' });
      disk.machine = { ...disk.machine, engineId: engine.info!.engineId, hostId: 'made-anew' };
      const again = await link(disk, engine);
      await again.reported();
      await until(async () => (await node(nodeId)).last_error === null, { what: 'no trouble any more' });
    });

    it('is a machine that was cut off before its new ticket was kept, and one whose ticket was', async () => {
      const { disk } = await joined();
      const old = disk.ticket;
      (await link(disk, new MemoryEngine(), { silent: true })).cut();
      const kept = disk.ticket;
      disk.ticket = old;
      (await link(disk, new MemoryEngine(), { silent: true })).cut();
      disk.ticket = kept;
      const agent = await link(disk);
      expect(agent.welcome).not.toBeNull();
      await agent.reported();
    });

    it('comes with the new key once that is used, and never again with the old one', async () => {
      const { disk } = await joined();
      const next = new AgentKey();
      const agent = await link(disk);
      agent.send({ type: 'rotate', publicKey: next.text, signature: next.sign(rotationProof(disk.nodeId, next.text)) });
      await until(() => agent.got.find((message) => message.type === 'rotated' && message.keyId === next.id), { what: 'the rotation' });
      agent.cut();
      const withOld = await link(disk);
      expect(withOld.welcome).not.toBeNull();
      await withOld.reported();
      withOld.cut();
      const old = { ...disk };
      disk.key = next;
      const withNew = await link(disk);
      expect(withNew.welcome).not.toBeNull();
      expect((await link({ ...old, ticket: disk.ticket })).refused?.code).toBe('wrong_key');
      withNew.send({ type: 'rotate', publicKey: new AgentKey().text, signature: next.sign('something else') });
      expect((await closedOf(withNew)).code).toBe(1008);
    });

    it('is nobody any more within five seconds after the node was removed', async () => {
      const { nodeId, disk } = await joined();
      const agent = await link(disk);
      await online(nodeId);
      await admin().delete(`/api/nodes/${nodeId}`).expect(200);
      const begin = performance.now();
      await closedOf(agent);
      expect(performance.now() - begin).toBeLessThan(5_000);
      expect((await link(disk)).refused?.code).toBe('unknown_node');
    });

    it('has one link at a time: the newer one counts', async () => {
      const { disk } = await joined();
      const session = 'one-start-of-the-agent';
      const first = await link(disk, new MemoryEngine(), { session });
      await first.reported();
      const second = await link(disk, new MemoryEngine(), { session });
      expect(second.welcome).not.toBeNull();
      expect((await closedOf(first)).code).toBe(4000);
      await second.reported();
    });
  });

  describe('an agent that says what it must not', () => {
    const engine = new MemoryEngine().info as EngineInfo;
    const aReport = (over: Partial<Record<keyof ReportMessage | 'nodeId', unknown>>): object => ({
      ...{ type: 'report', number: 1, whole: true, ordersVersion: 0, engine, engineTrouble: null },
      ...{ workloads: [], gone: [], troubles: [], progress: [], accounts: [], clock: new Date().toISOString() },
      ...over,
    });

    it.each([
      ['a text that is no JSON', 'nothing'],
      ['a list', '[]'],
      ['an unknown answer', JSON.stringify({ type: 'end', id: 'x', error: null })],
      ['a huge capacity', JSON.stringify(aReport({ engine: { ...engine, cpuCores: 1e30 } }))],
      ['a version beyond all bounds', JSON.stringify(aReport({ ordersVersion: 1e300 }))],
      ['a replica that is none', JSON.stringify(aReport({ gone: [{ replicaId: "'; DROP TABLE nodes", version: 1 }] }))],
      [
        'too many replicas',
        JSON.stringify(aReport({ gone: Array.from({ length: 2_001 }, () => ({ replicaId: randomUUID(), version: 1 })) })),
      ],
    ])('is cut off for %s', async (_what, text) => {
      const { disk } = await joined();
      const agent = await link(disk, new MemoryEngine(), { silent: true });
      agent.sendRaw(text);
      expect((await closedOf(agent)).code).toBe(1008);
    });

    it('is cut off for a first report that is not whole, and for asking for all orders again and again', async () => {
      const { disk } = await joined();
      const partial = await link(disk, new MemoryEngine(), { silent: true });
      partial.send(aReport({ whole: false }));
      expect((await closedOf(partial)).code).toBe(1008);
      const asking = await link(disk, new MemoryEngine(), { silent: true });
      for (let time = 0; time < 20; time++) asking.send({ type: 'resend' });
      expect((await closedOf(asking)).code).toBe(1008);
    });

    it('is cut off for a message that is too large, and for bytes', async () => {
      const { disk } = await joined();
      const large = await link(disk, new MemoryEngine(), { silent: true });
      large.sendRaw('x'.repeat(5 * 1024 * 1024));
      expect((await closedOf(large)).code).toBe(1009);
      const bytes = await link(disk, new MemoryEngine(), { silent: true });
      bytes.sendRaw(Buffer.from('{}'));
      expect((await closedOf(bytes)).code).toBe(1008);
    });

    it('is written down once a second, however often it reports', async () => {
      const { disk } = await joined();
      const agent = await link(disk, new MemoryEngine(), { silent: true });
      const begun = performance.now();
      for (let number = 1; number <= 5; number++) agent.send(aReport({ number, ordersVersion: number }));
      await until(() => agent.got.some((message) => message.type === 'noted' && message.number === 5), { what: 'the last report' });
      expect(performance.now() - begun).toBeGreaterThan(4 * 0.9 * 1_000 - 50);
    });

    it('is not held up by texts that no database takes', async () => {
      const { nodeId, disk } = await joined();
      const agent = await link(disk, new MemoryEngine(), { silent: true });
      agent.send(aReport({ engine: { ...engine, engineId: randomUUID(), version: 'a\0b\ud800' } }));
      await until(() => agent.got.some(({ type }) => type === 'noted'), { what: 'the report is noted' });
      await online(nodeId);
    });

    it('cannot write about another node, nor tell of replicas there', async () => {
      const [one, other] = [await joined(), await joined()];
      const agent = await link(one.disk, new MemoryEngine(), { silent: true });
      const deploymentId = randomUUID();
      agent.send(
        aReport({
          engine: { ...engine, engineId: randomUUID() },
          nodeId: other.nodeId,
          accounts: [{ id: randomUUID(), replicaId: deploymentId, at: new Date().toISOString(), agoMs: 1, words: 'I healed it' }],
        }),
      );
      await until(() => agent.got.some(({ type }) => type === 'noted'), { what: 'the report is noted' });
      expect(await t.dataSource.query(`SELECT 1 FROM agent_links WHERE node_id = $1 AND reported_at IS NOT NULL`, [other.nodeId])).toEqual(
        [],
      );
      expect(await t.dataSource.query(`SELECT 1 FROM deployment_status_history WHERE event = 'healed'`)).toEqual([]);
    });
  });

  it('answers other requests to the address of links, and other upgrades, in HTTP', async () => {
    await t.http.get('/api/agents/link').expect(400);
    await t.http.get('/health/live').set({ Connection: 'Upgrade', Upgrade: 'h2c' }).expect(200);
    await t.http.get('/api/agents/link').set({ Connection: 'Upgrade', Upgrade: 'websocket', Origin: 'https://evil.example' }).expect(400);
  });

  it('gets all orders under new numbers when the database was set back, also where its numbers have caught up', async () => {
    const { nodeId, disk } = await joined();
    const before = await link(disk);
    await before.reported();
    await t.dataSource.query(`UPDATE agent_links SET orders_version = 500 WHERE node_id = $1`, [nodeId]);
    await until(() => disk.ordersVersion === 500, { what: 'the version of the orders' });
    await t.dataSource.query(`UPDATE agent_links SET orders_version = 480 WHERE node_id = $1`, [nodeId]);
    expect((await closedOf(before)).code).toBe(1012);
    await t.dataSource.query(`UPDATE agent_links SET orders_version = 501, epoch = 0, confirmed_epoch = 0 WHERE node_id = $1`, [nodeId]);
    await t.dataSource.query(
      `INSERT INTO agent_orders (node_id, replica_id, version, will, grace_seconds) VALUES ($1, $2, 490, 'absent', 10)`,
      [nodeId, randomUUID()],
    );
    const after = await link(disk);
    const whole = await until(
      () => after.got.find((message): message is OrdersMessage => message.type === 'orders' && message.since === null),
      { what: 'the whole state' },
    );
    expect(whole.orders).toMatchObject([{ version: 502 }]);
  });

  it('is not believed that it has seen more orders than its node can have had, and its node is as good as before', async () => {
    const { nodeId, disk } = await joined();
    for (const claimed of [{ ordersVersion: 2 ** 52 }, { seenVersion: 2 ** 52 }]) {
      const refused = (await link({ ...disk, ...claimed })).refused;
      expect(refused).toMatchObject({ code: 'too_far_ahead', message: expect.stringContaining('join token') as string });
    }
    const { token } = (await admin().post(`/api/nodes/${nodeId}/join-token`).expect(201)).body as { token: string };
    const successor = await link(await joinAgent(t.url, token));
    await successor.reported();
    expect(successor.welcome?.ordersVersion).toBe(0);
  });

  it('gets orders after the newest that it has ever seen, also when it has lost them', async () => {
    const { disk } = await joined();
    const agent = await link({ ...disk, seenVersion: 700 });
    expect(agent.welcome?.ordersVersion).toBe(700);
    await agent.reported();
  });

  it('gets all orders again that it has lost', async () => {
    const { disk } = await joined();
    const agent = await link(disk);
    await agent.reported();
    agent.send({ type: 'resend' });
    await until(() => agent.got.find((message): message is OrdersMessage => message.type === 'orders' && message.since === null), {
      what: 'the whole state',
    });
  });
});
