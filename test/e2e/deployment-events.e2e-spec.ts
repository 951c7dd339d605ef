import { deploy, deployed, NO_IDS, UNKNOWN_ID } from '../support/deployments';
import { EventStreamClient } from '../support/event-stream';
import { letRetentionPass } from '../support/purge';
import { startTestApp, type TestApp } from '../support/test-app';
import { until } from '../support/until';

describe('GET /api/deployment/{id}/events', () => {
  let t: TestApp;
  const open: EventStreamClient[] = [];
  beforeAll(async () => {
    t = await startTestApp({ env: { STOP_GRACE_SECONDS: '0' } });
    await Promise.all([t.userId('ada'), t.userId('eve'), t.token('root', { admin: true })]);
  });
  afterEach(() => open.splice(0).forEach((client) => client.close()));
  afterAll(() => t?.close());

  const stream = async (user: string, id: string, headers: Record<string, string> = {}): Promise<EventStreamClient> => {
    const client = await EventStreamClient.open(`${t.url}/api/deployment/${id}/events`, await t.token(user, {}), headers);
    open.push(client);
    return client;
  };

  it('streams the life of this deployment and of no other, and goes on behind Last-Event-ID', async () => {
    const [id] = await Promise.all([deployed(t, 'ada'), deployed(t, 'ada')]);
    const live = await stream('ada', id);
    expect(live.answer.headers).toMatchObject({ 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    await live.untilEvents(3);
    await Promise.all([t.as('ada').post(`/api/deployment/scale/${id}`).send({ replicas: 2 }).expect(200), deploy(t, 'ada')]);
    await t.as('ada').delete(`/api/deployment/${id}?wait=60`).expect(200);
    await until(() => live.types().includes('fog.deployment.teardown_completed'));
    expect(new Set(live.events.map(({ data }) => data.subject))).toEqual(new Set([id]));
    const again = await stream('ada', id, { 'Last-Event-ID': String(live.events[1]?.id) });
    await again.untilEvents(live.events.length - 2);
    expect(again.events.map((event) => event.id)).toEqual(live.events.slice(2).map((event) => event.id));
  });

  it('gives pages to who does not ask for a stream', async () => {
    const id = await deployed(t, 'ada');
    const types = async (): Promise<string[]> =>
      (
        (await t.as('ada').get(`/api/deployment/${id}/events?types=fog.deployment.created`).expect(200)).body as {
          events: { type: string }[];
        }
      ).events.map(({ type }) => type);
    await until(async () => (await types()).length > 0);
    expect(await types()).toEqual(['fog.deployment.created']);
  });

  it('shows a stranger no deployment, live or deleted, and the owner a deleted one until it is purged', async () => {
    const id = await deployed(t, 'ada');
    const foreign = await stream('eve', id);
    expect(foreign.answer.statusCode).toBe(404);
    await t.as('root', { admin: true }).get(`/api/deployment/${id}/events`).expect(200);
    await t.as('ada').delete(`/api/deployment/${id}?wait=60`).expect(200);
    await t.as('eve').get(`/api/deployment/${id}/events`).expect(404);
    await t.as('ada').get(`/api/deployment/${id}/events`).expect(200);
    await letRetentionPass(t.dataSource, id);
    await t.as('root', { admin: true }).delete(`/api/admin/deployment/${id}`).expect(200);
    await t.as('ada').get(`/api/deployment/${id}/events`).expect(404);
    await t.as('ada').get(`/api/deployment/${UNKNOWN_ID}/events`).expect(404);
    for (const none of NO_IDS) await t.as('ada').get(`/api/deployment/${none}/events`).expect(404);
  });

  it.each(['all_users=true', 'deployment_id=00000000-0000-4000-8000-000000000000'])('refuses ?%s', async (query) => {
    await t.as('ada').get(`/api/deployment/${UNKNOWN_ID}/events?${query}`).expect(400);
  });
});
