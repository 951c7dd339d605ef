import { BadLink } from '../support/bad-link';
import { aSpec } from '../support/deployments';
import { joinAgent, joinedNode, LinkedAgent } from '../support/linked-agent';
import { MemoryEngine } from '../support/memory-engine';
import { secondApp } from '../support/second-app';
import { startTestApp, type TestApp } from '../support/test-app';
import { until } from '../support/until';

const SPEED = { NODE_SYNC_SECONDS: '1', RUNTIME: 'agent' };
/** What is said is longer than what gets through of it. */
const LONG_WORD = 'x'.repeat(4_000);
const GETS_THROUGH_BYTES = 2_000;

interface StatusBody {
  status: string;
  replicas: { id: string; status: string }[];
}

/** The link is with one process. The others reach the agent through it. */
describe('a link that is cut in the middle of what an agent says', () => {
  let t: TestApp;
  let other: Awaited<ReturnType<typeof secondApp>>;
  let link: BadLink;
  let agent: LinkedAgent;
  const engine = new MemoryEngine();

  beforeAll(async () => {
    t = await startTestApp({ env: SPEED });
    other = await secondApp(t, { ...SPEED, ROLE: 'api' });
    link = await BadLink.to(t.url, { delayMs: 0, lossShare: 0, repairMs: 0 });
    const { token } = await joinedNode(t, 'edge-1');
    agent = await new LinkedAgent(await joinAgent(t.url, token), engine).connect(link.url);
  });
  afterAll(async () => {
    agent?.cut();
    link?.close();
    await other?.close();
    await t?.close();
  });

  const deploy = async (env: Record<string, string>): Promise<string> => {
    const body = aSpec({ region: 'eu', container_image: 'memory:1', env });
    return ((await t.as('ada').post('/api/deployment/deploy').send(body).expect(202)).body as { deployment_id: string }).deployment_id;
  };
  const status = async (id: string): Promise<StatusBody> =>
    (await t.as('ada').get(`/api/deployment/status/${id}`).expect(200)).body as StatusBody;
  const runs = (id: string) => until(async () => (await status(id)).status === 'running', { what: `${id} runs` });
  const cutOff = () => until(() => agent.closed, { what: 'the cut' });
  const back = async (): Promise<void> => {
    link.restore();
    await agent.connect(link.url);
    expect(agent.welcome).not.toBeNull();
  };

  it.each(['the process with the link', 'another process'])(
    'of an answer to %s: nothing of it is shown, in words, and it is asked again',
    async (asked) => {
      const url = asked === 'another process' ? (await other.getUrl()).replace('[::1]', '127.0.0.1') : t.url;
      const token = await t.token('ada');
      const id = await deploy({ SCRIPT: 'speaks', GREETING: LONG_WORD });
      await runs(id);
      await agent.reported();
      const logs = async (): Promise<string> =>
        (await fetch(`${url}/api/deployment/${id}/logs`, { headers: { authorization: `Bearer ${token}` } })).text();
      link.cutAfter(GETS_THROUGH_BYTES);
      const answer = await logs();
      await cutOff();
      expect(answer).toContain('The link of');
      expect(answer).not.toContain('xxx');
      await back();
      const again = await until(async () => await logs().then((text) => (text.includes('second') ? text : null)), {
        what: 'the whole answer',
      });
      expect(again.split(LONG_WORD)).toHaveLength(3);
    },
  );

  it('of a report: nothing of it counts, and the next one tells all', async () => {
    const ids = [await deploy({}), await deploy({})];
    for (const id of ids) await runs(id);
    await agent.reported();
    const [first, second] = await Promise.all(ids.map(async (id) => (await status(id)).replicas[0]?.id ?? ''));
    link.cutAfter(200);
    engine.kill(first ?? '');
    engine.vanish(second ?? '');
    await cutOff();
    const noted = agent.got.filter(({ type }) => type === 'noted').length;
    for (const id of ids) expect((await status(id)).status).toBe('running');
    await back();
    await until(() => agent.got.filter(({ type }) => type === 'noted').length > noted, { what: 'the next report is noted' });
    for (const id of ids)
      await until(
        async () =>
          (await status(id)).status === 'running' &&
          (await status(id)).replicas.some(({ id: now, status: is }) => is === 'running' && now !== first && now !== second),
        { what: 'what was lost is replaced' },
      );
  });
});
