import type { AddressInfo } from 'node:net';
import { joinAgent, joinedNode, LinkedAgent, type AgentDisk } from '../support/linked-agent';
import { MemoryEngine } from '../support/memory-engine';
import { secondApp } from '../support/second-app';
import { startTestApp, type TestApp } from '../support/test-app';
import { until } from '../support/until';

const ROUNDS = Number(process.env.RACE_ROUNDS ?? '8');
const ENV = { RUNTIME: 'agent', NODE_SYNC_SECONDS: '1' };
/** A machine that is gone is waited for so long, and a while for a busy machine. */
const LET_IN_WITHIN_MS = 12_000;

/** Two machines with one identity. One of the two processes holds the link; either may meet the second machine. */
describe('a second machine with the identity of a node', () => {
  let t: TestApp;
  let other: { close(): Promise<void> };
  let urls: [string, string];
  let counter = 0;
  const agents: LinkedAgent[] = [];

  beforeAll(async () => {
    t = await startTestApp({ env: ENV });
    const app = await secondApp(t, ENV);
    other = app;
    urls = [t.url, `http://127.0.0.1:${(app.getHttpServer().address() as AddressInfo).port}`];
  });
  afterEach(() => {
    const all = agents.splice(0);
    for (const agent of all) agent.cut();
    expect(all.flatMap(({ unlike }) => unlike)).toEqual([]);
  });
  afterAll(async () => {
    await other?.close();
    await t?.close();
  });

  const admin = () => t.as('root', { admin: true });
  const joined = async (): Promise<AgentDisk> => {
    const { token } = await joinedNode(t, `edge-${(counter += 1)}`);
    const disk = await joinAgent(t.url, token);
    return { ...disk, machine: { ...disk.machine, engineId: 'its-engine', hostId: 'its-host' } };
  };
  const copyOf = (disk: AgentDisk, machine: Partial<AgentDisk['machine']> = {}): AgentDisk => ({
    ...disk,
    orders: new Map(disk.orders),
    machine: { ...disk.machine, ...machine },
  });
  const made = (disk: AgentDisk, options: { session?: string } = {}): LinkedAgent => {
    const agent = new LinkedAgent(disk, new MemoryEngine(), options);
    agents.push(agent);
    return agent;
  };
  const link = (disk: AgentDisk, url = urls[0], options = {}): Promise<LinkedAgent> => made(disk, options).connect(url);
  const troubleOf = async (nodeId: string): Promise<string | null> =>
    ((await admin().get(`/api/nodes/${nodeId}`).expect(200)).body as { last_error: string | null }).last_error;
  const namedIn = async (nodeId: string): Promise<unknown[]> =>
    (
      await t.dataSource.query<{ after: unknown }[]>(
        `SELECT after FROM audit_log WHERE action = 'node.second_machine' AND resource_id = $1`,
        [nodeId],
      )
    ).map(({ after }) => after);

  const nobodyIsLinked = (nodeId: string) =>
    until(async () => (await t.dataSource.query(`SELECT 1 FROM agent_links WHERE node_id = $1 AND holder IS NULL`, [nodeId])).length > 0, {
      what: 'nobody to be linked',
    });
  /** Comes, reports, and has gone again. */
  const was = async (disk: AgentDisk): Promise<void> => {
    const agent = await link(disk);
    expect(agent.welcome).not.toBeNull();
    await agent.reported();
    agent.cut();
    await nobodyIsLinked(disk.nodeId);
  };

  it.each([
    ['with its engine, as a disk that was cloned', 'its-engine', 'second_machine'],
    ['with another engine, as a folder that was copied', 'another-engine', 'other_engine'],
  ])('%s: of two first hellos at the same moment one is let in, and the other one refused and named', async (_how, engineId, code) => {
    const outcomes: string[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const disk = await joined();
      const copy = copyOf(disk, { hostname: 'copy', engineId });
      const two = [made(disk), made(copy)] as const;
      const there = round % 2 === 0 ? urls : ([urls[0], urls[0]] as const);
      await Promise.all(two.map((agent, index) => agent.connect(there[index] ?? urls[0])));
      const [winner, loser] = two[0].welcome === null ? [two[1], two[0]] : [two[0], two[1]];
      await winner.reported();
      expect([winner.welcome === null, winner.closed, loser.welcome, loser.refused?.code]).toEqual([false, null, null, code]);
      expect(await namedIn(disk.nodeId)).toEqual([{ hostname: loser.disk.machine.hostname, address: '127.0.0.1' }]);
      outcomes.push(winner.disk.machine.hostname);
      for (const agent of two) agent.cut();
    }
    process.stderr.write(`\n${ROUNDS} rounds: ${outcomes.filter((name) => name === 'copy').length} went to the copy\n`);
  });

  it('of ten at once one is let in', async () => {
    const disk = await joined();
    const all = Array.from({ length: 10 }, () => made(copyOf(disk)));
    await Promise.all(all.map((agent, index) => agent.connect(urls[index % 2] ?? urls[0])));
    expect(all.filter(({ welcome }) => welcome !== null)).toHaveLength(1);
    for (const { refused } of all.filter(({ welcome }) => welcome === null))
      expect(['second_machine', 'try_later']).toContain(refused?.code);
  });

  it.each([0, 1])('that was cloned while it was linked is refused for good (process %i)', async (at) => {
    const disk = await joined();
    const session = 'the-first';
    const first = await link(disk, urls[0], { session });
    await first.reported();
    const clone = copyOf(disk);
    const refused = await link(clone, urls[at]);
    expect(refused.refused).toMatchObject({ code: 'second_machine', message: expect.stringContaining('linked now') as string });
    // The clone had the very ticket of the link, so the machine gets a newer one.
    expect((await until(() => first.closed, { what: 'the end of the link' })).code).toBe(1012);
    const again = await link(disk, urls[0], { session });
    await again.reported();
    again.cut();
    await nobodyIsLinked(disk.nodeId);
    expect((await link(clone, urls[at])).refused?.code).toBe('second_machine');
    expect((await link(disk, urls[0], { session })).welcome).not.toBeNull();
    // Both have one name and one address, and the trouble is shown all the same.
    expect(await namedIn(disk.nodeId)).toEqual([{ hostname: 'edge-under-test', address: '127.0.0.1' }]);
    await until(async () => (await troubleOf(disk.nodeId))?.includes('edge-under-test at 127.0.0.1'), { what: 'the trouble of the node' });
  });

  it.each([
    ['the machine', 'the copy', 'copy'],
    ['the copy', 'the machine', 'edge-under-test'],
  ])(
    'that is never linked at the same time: after a report of %s it is %s that is refused, however often, and named',
    async (who, _whom, name) => {
      const disk = await joined();
      await was(disk);
      const copy = copyOf(disk, { hostname: 'copy' });
      const [one, other] = who === 'the machine' ? [disk, copy] : [copy, disk];
      for (let turn = 0; turn < 3; turn++) {
        await was(one);
        expect((await link(other, urls[turn % 2])).refused?.code).toBe('second_machine');
      }
      expect(await namedIn(disk.nodeId)).toEqual([{ hostname: name, address: '127.0.0.1' }]);
      await until(async () => (await troubleOf(disk.nodeId))?.includes(`${name} at 127.0.0.1`), { what: 'the trouble of the node' });
    },
  );

  it.each([0, 1])('is the same one after a loss of power, which nobody has told of, and is let in (process %i)', async (at) => {
    const disk = await joined();
    const first = await link(disk);
    await first.reported();
    first.freeze();
    const begun = performance.now();
    const second = await link(disk, urls[at]);
    expect(second.welcome).not.toBeNull();
    expect(performance.now() - begun).toBeLessThan(LET_IN_WITHIN_MS);
    await second.reported();
    expect(await namedIn(disk.nodeId)).toEqual([]);
  });

  it('is the same one where its process was started again, and is let in at once', async () => {
    const disk = await joined();
    for (let start = 0; start < 5; start++) {
      const agent = await link(disk, urls[start % 2]);
      expect(agent.welcome).not.toBeNull();
      await agent.reported();
      agent.cut();
    }
    expect(await namedIn(disk.nodeId)).toEqual([]);
  });
});
