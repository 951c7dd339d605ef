import { startFakeEngine, type FakeEngine, type FakeEngineMood } from '../support/fake-engine';
import { aDeployment, aNode, aPlacedReplica } from '../support/rows';
import { startTestApp, type TestApp } from '../support/test-app';
import { until } from '../support/until';

interface Entry {
  readonly replica_id: string;
  readonly lines: string[];
  readonly cut: boolean;
  readonly error: string | null;
}

describe('GET /api/deployment/{id}/logs from engines', () => {
  let t: TestApp;
  const engines: FakeEngine[] = [];
  beforeAll(async () => {
    t = await startTestApp({ env: { ROLE: 'api', RUNTIME: 'docker' } });
  });
  afterAll(async () => {
    await t?.close();
    await Promise.all(engines.map((engine) => engine.close()));
  });

  const engine = async (mood: FakeEngineMood): Promise<FakeEngine> => {
    const started = await startFakeEngine(mood);
    engines.push(started);
    return started;
  };
  /** A deployment with the given number of replicas on each engine, in this order. */
  const deployment = async (...placed: [FakeEngine, number][]): Promise<{ id: string; replicas: string[][] }> => {
    const id = await aDeployment(t.dataSource, { user_id: await t.userId('ada') });
    const replicas: string[][] = [];
    for (const [{ endpoint, replicas: known }, count] of placed) {
      const node_id = await aNode(t.dataSource, { runtime: 'docker', endpoint });
      const make = (): Promise<string> => aPlacedReplica(t.dataSource, { deployment_id: id, node_id }, { cpuCores: 0.1, memoryMb: 8 });
      replicas.push(await Promise.all(Array.from({ length: count }, make)));
      known.push(...(replicas.at(-1) ?? []));
    }
    return { id, replicas };
  };
  const logs = async (id: string): Promise<Entry[]> => {
    const { body } = await t.as('ada').get(`/api/deployment/${id}/logs?tail=1000`).expect(200);
    return body;
  };

  it('answers in one time for all: two dozen replicas on a silent node once took that time for each eight of them', async () => {
    const [silent, talker] = [await engine('silent'), await engine({ log: 'hello\n' })];
    const { id, replicas } = await deployment([silent, 24], [talker, 6]);
    const began = performance.now();
    const entries = await logs(id);
    expect(performance.now() - began).toBeLessThan(14_000);
    expect(silent.asked.length).toBeLessThanOrEqual(4);
    const entry = (replicaId: string): Entry | undefined => entries.find(({ replica_id: of }) => of === replicaId);
    expect(replicas[0]?.map((of) => entry(of)?.error)).toEqual(replicas[0]?.map(() => 'The lines could not be read in time'));
    expect(replicas[1]?.map((of) => entry(of)?.lines)).toEqual(replicas[1]?.map(() => ['hello']));
    await until(() => silent.open() === 0, { what: 'the questions to be taken back', timeoutMs: 4_000 });
  });

  it('does not show what an engine says instead of the lines, and tells that they are not all', async () => {
    const frame = (type: number, text: string): string => `${String.fromCharCode(type, 0, 0, 0, 0, 0, 0, text.length)}${text}`;
    const broken = await engine({ log: frame(1, 'one\n') + frame(3, 'open /var/lib/docker: gone') });
    const whole = await engine({ log: frame(1, 'two\n') });
    const { id } = await deployment([broken, 1], [whole, 1]);
    expect((await logs(id)).map(({ lines, error }) => [lines, error])).toEqual([
      [['one'], 'The engine broke off while it read the lines: the newest ones may be missing'],
      [['two'], null],
    ]);
  });

  it('does not ask an engine again that is away', async () => {
    const away = await engine('hangs up');
    const { id } = await deployment([away, 24]);
    const entries = await logs(id);
    expect(entries.map(({ error }) => error)).toEqual(entries.map(() => expect.stringMatching(/^The engine of this node/)));
    expect(entries).toHaveLength(24);
    expect(away.asked.length).toBeLessThanOrEqual(4);
  });

  it('stops asking when the client has gone', async () => {
    const silent = await engine('silent');
    const { id } = await deployment([silent, 4]);
    const leave = new AbortController();
    const headers = { Authorization: `Bearer ${await t.token('ada')}` };
    const answer = fetch(`${t.url}/api/deployment/${id}/logs`, { headers, signal: leave.signal });
    await until(() => silent.open() > 0, { what: 'the engine to be asked' });
    leave.abort();
    await expect(answer).rejects.toThrow();
    await until(() => silent.open() === 0, { what: 'the questions to be taken back', timeoutMs: 4_000 });
    expect(silent.asked.length).toBeLessThanOrEqual(4);
  });

  it('keeps its size: replicas with megabytes of control characters each once made half a gigabyte', async () => {
    const loud = await engine({ log: `${'\u0001'.repeat(4_000)}\n`.repeat(299) + 'the end\n' });
    const { id } = await deployment([loud, 8]);
    const entries = await logs(id);
    const bytes = entries.flatMap(({ lines }) => lines).reduce((sum, line) => sum + Buffer.byteLength(line), 0);
    expect(bytes).toBeGreaterThan(3_000_000);
    expect(bytes).toBeLessThanOrEqual(4_000_000);
    expect(entries.map(({ cut, lines, error }) => [cut, lines.at(-1), error])).toEqual(entries.map(() => [true, 'the end', null]));
  });
});
