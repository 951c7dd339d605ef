import { deployed, historyOf, statusOf } from '../support/deployments';
import { SimulatedEngine } from '../support/simulated-engine';
import { startTestApp, type TestApp } from '../support/test-app';
import { until } from '../support/until';
import { WebhookReceiver } from '../support/webhook-receiver';

const TOLD = ['fog.deployment.degraded', 'fog.deployment.recovered', 'fog.node.offline', 'fog.node.online'];
const OPEN = { WEBHOOK_ALLOW_HTTP: 'true', WEBHOOK_ALLOWED_NETWORKS: '127.0.0.1' };

interface Event {
  readonly type: string;
  readonly subject?: string;
  readonly data: Readonly<Record<string, unknown>>;
}

describe('news of health', () => {
  let t: TestApp;
  let engine: SimulatedEngine;
  let target: WebhookReceiver;
  beforeAll(async () => {
    target = await WebhookReceiver.start();
    t = await startTestApp({ env: { ...OPEN, HEALTH_EVENT_DELAY_SECONDS: '1', NODE_OFFLINE_AFTER_SECONDS: '6', NODE_SYNC_SECONDS: '1' } });
    engine = new SimulatedEngine(t.dataSource);
  });
  afterAll(async () => {
    await t?.close();
    await target?.close();
  });

  const news = async (user: string): Promise<Event[]> => {
    const { body } = await t.as(user).get('/api/events?limit=1000').expect(200);
    return (body as { events: Event[] }).events.filter(({ type }) => /degraded|unhealthy|recovered|fog\.node/.test(type));
  };
  const typesOf = async (user: string, id: string): Promise<string[]> =>
    (await news(user)).filter(({ subject }) => subject === id).map(({ type }) => type.replace('fog.deployment.', ''));
  const told = (user: string, id: string, ...types: string[]): Promise<unknown> =>
    until(async () => (await typesOf(user, id)).join() === types.join(), { what: `${types.join(', ')} to be told` });
  const hook = (user: string, path: string, ...types: string[]): Promise<unknown> =>
    t
      .as(user)
      .post('/api/notifications/webhooks')
      .send({ url: target.url(path), event_types: types })
      .expect(201);
  const gauge = async (name: string): Promise<number> => {
    const { text } = await t.as('root', { admin: true }).get('/metrics').expect(200);
    return Number(new RegExp(`^${name.replace(/[{}]/g, '\\$&')} (\\d+)$`, 'm').exec(text)?.[1] ?? Number.NaN);
  };

  it('tells once that a container crashes again and again, with the reason, in events, history, metrics and to webhooks', async () => {
    await hook('ada', '/ada', 'fog.deployment.unhealthy', 'fog.deployment.recovered');
    const env = { SIMULATED_EXIT_AFTER_MS: '400', SIMULATED_EXIT_CODE: '3' };
    const { body } = await t
      .as('ada')
      .post('/api/deployment/deploy')
      .send({ name: 'crashing', type: 'compute', container_image: 'nginx:1.27', resources: { cpu: 0.5, memory: 512 }, env })
      .expect(202);
    const id = (body as { deployment_id: string }).deployment_id;
    await told('ada', id, 'unhealthy');
    const [event] = (await news('ada')).filter(({ subject }) => subject === id);
    expect((await target.untilReceived('/ada', 1)).map((each) => each.event)).toEqual([event]);
    expect(event!.data).toMatchObject({
      old_status: 'running',
      new_status: 'running',
      reason: expect.stringMatching(/^Unhealthy: 0 of 1 replicas running; A replica on demo-.* failed: .*code 3/),
      changed_by: null,
    });
    expect((await historyOf(t, 'ada', id)).at(-1)).toMatchObject({
      old_status: 'running',
      new_status: 'running',
      reason: event!.data.reason,
    });
    expect(await gauge('fog_deployments_troubled{health="unhealthy"}')).toBe(1);
    expect(await gauge('fog_replica_health{state="wanted"}')).toBe(1);
    expect(await gauge('fog_replica_health{state="healthy"}')).toBe(0);
    const { status } = await statusOf(t, 'ada', id);
    expect(status).toBe('running');
    await t.as('ada').delete(`/api/deployment/${id}`).expect(200);
    await until(async () => Number.isNaN(await gauge('fog_deployments_troubled{health="unhealthy"}')), { what: 'the end of the trouble' });
    expect(await typesOf('ada', id)).toEqual(['unhealthy']);
    expect(target.types('/ada')).toEqual(['fog.deployment.unhealthy']);
  });

  it('tells the owner of a node’s silence and of its end, and administrators which node it was, also by webhooks', async () => {
    await t.token('root', { admin: true });
    await hook('bob', '/bob', ...TOLD);
    await hook('root', '/root', ...TOLD);
    const id = await deployed(t, 'bob', { replicas: 2 });
    const { replicas } = await statusOf(t, 'bob', id);
    const nodeId = replicas[0]!.node_id;
    await engine.setUnreachable(nodeId, true);
    await told('bob', id, 'degraded');
    await engine.setUnreachable(nodeId, false);
    await told('bob', id, 'degraded', 'recovered');
    const ofNodes = await until(async () => {
      const events = (await news('root')).filter(({ type, data }) => type.startsWith('fog.node') && data.node_id === nodeId);
      return events.length >= 2 ? events : null;
    });
    expect(ofNodes.map(({ type, data }) => [type, data.node_id])).toEqual([
      ['fog.node.offline', nodeId],
      ['fog.node.online', nodeId],
    ]);
    expect((await target.untilReceived('/root', 2)).map(({ event }) => event)).toEqual(ofNodes);
    expect((await target.untilReceived('/bob', 2)).map(({ event }) => [event.type, event.subject])).toEqual([
      ['fog.deployment.degraded', id],
      ['fog.deployment.recovered', id],
    ]);
    expect(ofNodes[0]!.data).toMatchObject({ name: expect.stringMatching(/^demo-/), offline_since: expect.any(String) });
    expect((await news('bob')).filter(({ type }) => type.startsWith('fog.node'))).toEqual([]);
    expect((await historyOf(t, 'bob', id)).slice(-2).map(({ reason }) => reason)).toEqual([
      expect.stringMatching(/^Degraded: \d running replicas on demo-.* cannot be confirmed: the node does not answer$/),
      expect.stringMatching(/^Healthy again after \d+ s$/),
    ]);
  });

  it('tells nothing of a deployment that is deleted while it is looked at, whatever comes first', async () => {
    const ids = await Promise.all(Array.from({ length: 6 }, () => deployed(t, 'eve', { replicas: 1 })));
    for (const id of ids) {
      const { replicas } = await statusOf(t, 'eve', id);
      await engine.kill(replicas[0]!.id, 3);
    }
    await Promise.all(ids.map((id) => t.as('eve').delete(`/api/deployment/${id}`).expect(200)));
    for (const id of ids) expect((await historyOf(t, 'eve', id)).at(-1)).toMatchObject({ new_status: 'deleted' });
    await until(
      async () =>
        (await t.dataSource.query<unknown[]>(`SELECT 1 FROM deployment_troubles WHERE deployment_id = ANY($1)`, [ids])).length === 0,
    );
  });
});
