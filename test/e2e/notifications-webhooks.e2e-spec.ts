import { deploy, deployed, reaches, UUID } from '../support/deployments';
import { deliveriesOf, timePasses, untilDelivery, type DeliveryPage } from '../support/notifications';
import { startTestApp, type TestApp } from '../support/test-app';
import { until } from '../support/until';
import { isGenuine, WebhookReceiver } from '../support/webhook-receiver';

const CANARY = 'canary-env-value-4711';
const CREATED = { event_types: ['fog.deployment.created'] };
const OPEN = { WEBHOOK_ALLOW_HTTP: 'true', WEBHOOK_ALLOWED_NETWORKS: '127.0.0.1' };

describe('webhooks', () => {
  let t: TestApp;
  let target: WebhookReceiver;
  const logged: string[] = [];
  beforeAll(async () => {
    target = await WebhookReceiver.start();
    const logStream = { write: (line: string) => void logged.push(line) };
    t = await startTestApp({ env: { ...OPEN, STOP_GRACE_SECONDS: '0', LOG_LEVEL: 'debug' }, logStream });
    await Promise.all([t.userId('ada'), t.userId('eve')]);
  });
  afterAll(async () => {
    await t?.close();
    await target?.close();
  });
  /** Switches subscriptions off, so that each test gets only events of its own deployments. */
  afterEach(() => t.dataSource.query(`UPDATE subscriptions SET enabled = false`));

  const create = async (path: string, more: object = {}, user = 'ada'): Promise<{ id: string; secret: string }> =>
    (
      await t
        .as(user)
        .post('/api/notifications/webhooks')
        .send({ url: target.url(path), ...more })
        .expect(201)
    ).body as {
      id: string;
      secret: string;
    };
  const one = (path: string) => create(path, CREATED);
  const deliveries = (id: string, user?: string, query?: string) => deliveriesOf(t, 'webhooks', id, user, query);
  const untilState = (id: string, state: string, attempts?: number) => untilDelivery(t, 'webhooks', id, state, attempts);

  it('tell of the life of a deployment, signed, in order, and each event once', async () => {
    const { id, secret } = await create('/life', { description: 'on-call' });
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    const deployment = await deployed(t, 'ada', { env: { SECRET: CANARY } });
    await t.as('ada').delete(`/api/deployment/${deployment}?wait=60`).expect(200);
    const got = await target.untilReceived('/life', 4);
    expect(target.types('/life').slice(0, 4)).toEqual(
      ['created', 'scheduled', 'running', 'deleted'].map((type) => `fog.deployment.${type}`),
    );
    for (const each of got) {
      expect(isGenuine(each, secret)).toBe(true);
      expect(each.headers).toMatchObject({ 'content-type': 'application/cloudevents+json', 'webhook-id': each.event.id });
      expect(each.event.subject).toBe(deployment);
    }
    const { body } = await t.as('ada').get('/api/events?limit=1000').expect(200);
    const inFeed = (body as { events: { id: string }[] }).events.find((event) => event.id === got[0]?.event.id);
    expect(inFeed).toEqual(got[0]?.event);
    await untilState(id, 'delivered');
    const log = await deliveries(id);
    expect(log.deliveries.slice(-1)[0]).toMatchObject({
      event_id: got[0]?.event.id,
      state: 'delivered',
      attempts: 1,
      response_status: 204,
      error: null,
    });
    expect(new Set(got.map(({ event }) => event.id)).size).toBe(got.length);
  });

  it('tell only of the types and labels that were asked for, and of nobody else', async () => {
    await create('/failed', { event_types: ['fog.deployment.failed'] });
    await create('/team', { labels: { team: 'edge' }, event_types: ['fog.deployment.created'] });
    await create('/eve', {}, 'eve');
    await create('/all', { event_types: ['fog.deployment.created'] });
    const plain = await deploy(t, 'ada');
    const labelled = await deploy(t, 'ada', { labels: { team: 'edge', tier: 'web' } });
    await deploy(t, 'ada', { labels: { team: 'core' } });
    await target.untilReceived('/all', 3);
    await target.untilReceived('/team', 1);
    expect(target.at('/all').map(({ event }) => event.subject)).toEqual(expect.arrayContaining([plain, labelled]));
    expect(target.at('/team').map(({ event }) => event.subject)).toEqual([labelled]);
    expect([target.at('/failed'), target.at('/eve')]).toEqual([[], []]);
  });

  it('are signed with the old and the new secret for a day after a rotation', async () => {
    const { id, secret } = await one('/rotated');
    const { body } = await t.as('ada').post(`/api/notifications/webhooks/${id}/rotate-secret`).expect(200);
    expect(body.secret).not.toBe(secret);
    expect(Date.parse(body.previous_secret_until as string) - Date.now()).toBeGreaterThan(23 * 3_600_000);
    await deploy(t, 'ada');
    const [both] = await target.untilReceived('/rotated', 1);
    expect(both?.headers['webhook-signature']).toMatch(/^v1,\S+ v1,\S+$/);
    expect([isGenuine(both!, secret), isGenuine(both!, body.secret as string)]).toEqual([true, true]);
    await t.dataSource.query(`UPDATE subscriptions SET previous_secret_until = now() WHERE id = $1`, [id]);
    await deploy(t, 'ada');
    const [, fresh] = await target.untilReceived('/rotated', 2);
    expect([isGenuine(fresh!, secret), isGenuine(fresh!, body.secret as string)]).toEqual([false, true]);
  });

  it('can be tested: the test goes to that webhook only, whatever it listens to, and not too often', async () => {
    const [{ id }] = [await create('/tested', { event_types: ['fog.deployment.failed'] }), await create('/untested')];
    await t.as('ada').post(`/api/notifications/webhooks/${id}/test`).expect(202);
    await target.untilReceived('/tested', 1);
    expect(target.types('/tested')).toEqual(['fog.notification.test']);
    const again = await t.as('ada').post(`/api/notifications/webhooks/${id}/test`).expect(429);
    expect(again.headers['retry-after']).toBe('10');
    expect(target.types('/untested')).not.toContain('fog.notification.test');
  });

  it('are repeated under the same id when the target fails, with words in the log', async () => {
    const { id, secret } = await one('/failing');
    target.answer('/failing', (response) => response.writeHead(500).end('secret words of the target'));
    await deploy(t, 'ada');
    const failed = await untilState(id, 'pending');
    expect(failed).toMatchObject({ attempts: 1, response_status: 500, error: 'The target answered 500' });
    expect(Date.parse(failed.next_attempt_at!)).toBeGreaterThan(Date.now());
    await timePasses(t, id);
    await untilState(id, 'pending', 2);
    target.answer('/failing', (response) => response.writeHead(200).end());
    await timePasses(t, id);
    await untilState(id, 'delivered', 3);
    const got = target.at('/failing');
    expect(new Set(got.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    expect(got.every((each) => isGenuine(each, secret))).toBe(true);
    const { body } = await t.as('ada').get(`/api/notifications/webhooks/${id}`).expect(200);
    expect(body.failing_since).toBeNull();
  });

  it('of one target that hangs do not delay those of another', async () => {
    const [hanging] = [await one('/hangs'), await one('/quick')];
    target.answer('/hangs', () => undefined);
    for (let n = 0; n < 3; n++) await deploy(t, 'ada');
    await target.untilReceived('/quick', 3, 4_000);
    const first = await until(async () => (await deliveries(hanging.id)).deliveries.find(({ attempts }) => attempts > 0));
    expect(first).toMatchObject({ state: 'pending', error: 'The target did not answer within 5 seconds', response_status: null });
  });

  it('do not follow redirects, and do not read an answer that never ends', async () => {
    const [redirecting, flooding] = [await one('/redirects'), await one('/floods')];
    target.answer('/redirects', (response) => response.writeHead(307, { Location: target.url('/elsewhere') }).end());
    let sent = 0;
    target.answer('/floods', async (response) => {
      response.writeHead(200);
      while (!response.destroyed && sent < 10 * 1024 * 1024) {
        sent += 65_536;
        if (!response.write(Buffer.alloc(65_536, 'x'))) await new Promise((resolve) => setTimeout(resolve, 5));
      }
      response.end();
    });
    await deploy(t, 'ada');
    expect(await untilState(redirecting.id, 'pending')).toMatchObject({
      response_status: 307,
      error: 'The target redirects, which is not followed',
    });
    expect(await untilState(flooding.id, 'delivered')).toMatchObject({ response_status: 200 });
    await until(() => sent > 0);
    expect(sent).toBeLessThan(10 * 1024 * 1024);
    expect(target.at('/elsewhere')).toEqual([]);
  });

  it('are sent again under the same id when the process dies between sending and writing it down', async () => {
    const { id } = await one('/crash');
    // What a dead worker leaves: the event was sent, another worker has the job, and nothing was recorded.
    target.answer('/crash', async (response) => {
      if (target.at('/crash').length === 1)
        await t.dataSource.query(`UPDATE jobs SET claim = gen_random_uuid(), lease_until = now() + interval '300 ms' WHERE key = $1`, [id]);
      response.writeHead(204).end();
    });
    await deploy(t, 'ada');
    const got = await target.untilReceived('/crash', 2, 20_000);
    expect(await untilState(id, 'delivered')).toMatchObject({ attempts: 1 });
    expect(new Set(got.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
  });

  it('are given up after days, and sent once more when the owner asks for it', async () => {
    const { id } = await one('/dead');
    target.answer('/dead', (response) => response.writeHead(503).end());
    await deploy(t, 'ada');
    await untilState(id, 'pending');
    await t.dataSource.query(`UPDATE deliveries SET give_up_at = now() WHERE subscription_id = $1`, [id]);
    await timePasses(t, id);
    const dead = await untilState(id, 'dead', 2);
    expect(dead).toMatchObject({ next_attempt_at: null, error: 'The target answered 503' });
    target.answer('/dead', (response) => response.writeHead(204).end());
    const { body } = await t.as('ada').post(`/api/notifications/deliveries/${dead.id}/redeliver`).expect(202);
    expect(body).toMatchObject({ id: dead.id, state: 'pending' });
    expect(await untilState(id, 'delivered')).toMatchObject({ id: dead.id, attempts: 1 });
    await t.as('eve').post(`/api/notifications/deliveries/${dead.id}/redeliver`).expect(404);
    // A delivered event may be sent again as well; a pending one may not.
    await t.as('ada').post(`/api/notifications/deliveries/${dead.id}/redeliver`).expect(202);
    await target.untilReceived('/dead', 4);
    await untilState(id, 'delivered');
  });

  it('are switched off after days of nothing but failures, and their owner is told', async () => {
    const [{ id }] = [await one('/hopeless'), await create('/told', { event_types: ['fog.notification.disabled'] })];
    target.answer('/hopeless', (response) => response.writeHead(500).end());
    await deploy(t, 'ada');
    await untilState(id, 'pending');
    await t.dataSource.query(`UPDATE subscriptions SET failing_since = now() - interval '6 days', failures = 20 WHERE id = $1`, [id]);
    await timePasses(t, id);
    const [notice] = await target.untilReceived('/told', 1);
    expect(notice?.event).toMatchObject({ type: 'fog.notification.disabled', data: { subscription_id: id, kind: 'webhook' } });
    const { body } = await t.as('ada').get(`/api/notifications/webhooks/${id}`).expect(200);
    expect(body).toMatchObject({ enabled: false, disabled_reason: expect.stringMatching(/5 days.*answered 500/) });
    expect((await deliveries(id)).deliveries[0]).toMatchObject({ state: 'dead' });
    const on = await t.as('ada').patch(`/api/notifications/webhooks/${id}`).send({ enabled: true }).expect(200);
    expect(on.body).toMatchObject({ enabled: true, disabled_reason: null, failing_since: null });
  });

  it('belong to one user: others, administrators too, find nothing', async () => {
    const { id } = await create('/mine');
    for (const [user, kind] of [
      ['eve', {}],
      ['root', { admin: true }],
    ] as const) {
      const as = t.as(user, kind);
      const path = `/api/notifications/webhooks/${id}`;
      const answers = [
        await as.get(path),
        await as.patch(path).send({ enabled: false }),
        await as.delete(path),
        await as.post(`${path}/rotate-secret`),
        await as.post(`${path}/test`),
        await as.get(`${path}/deliveries`),
        await as.get(`/api/notifications/emails/${id}`),
      ];
      expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 404));
      const listed = (await as.get('/api/notifications/webhooks').expect(200)).body as { id: string }[];
      expect(listed.map((each) => each.id)).not.toContain(id);
    }
    expect((await t.as('ada').get('/api/notifications/webhooks').expect(200)).body[0]).toMatchObject({ id, enabled: true });
  });

  it('show their secret once, also to a repeated request, and leave rows in the audit log without it', async () => {
    const send = () =>
      t
        .as('ada')
        .post('/api/notifications/webhooks')
        .set('Idempotency-Key', 'hook-1')
        .send({ url: target.url('/once?token=hidden') });
    const [first, second] = [await send().expect(201), await send().expect(201)];
    expect([second.body, second.headers['idempotency-replayed']]).toEqual([first.body, 'true']);
    expect(first.headers.location).toBe(`/api/notifications/webhooks/${first.body.id as string}`);
    const { body } = await t
      .as('ada')
      .get(`/api/notifications/webhooks/${first.body.id as string}`)
      .expect(200);
    expect(body).not.toHaveProperty('secret');
    await t
      .as('ada')
      .patch(`/api/notifications/webhooks/${first.body.id as string}`)
      .send({ description: 'changed' })
      .expect(200);
    await t
      .as('ada')
      .delete(`/api/notifications/webhooks/${first.body.id as string}`)
      .expect(204);
    const rows = await t.dataSource.query<{ action: string; row: string }[]>(
      `SELECT action, to_jsonb(a)::text AS row FROM audit_log a WHERE resource_id = $1 ORDER BY id`,
      [first.body.id],
    );
    expect(rows.map(({ action }) => action)).toEqual(['webhook.create', 'webhook.change', 'webhook.remove']);
    expect(rows.filter(({ row }) => row.includes('hidden') || row.includes('whsec_'))).toEqual([]);
  });

  it('are at most twenty a user, however many requests come at once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 25 }, () =>
        t
          .as('many')
          .post('/api/notifications/webhooks')
          .send({ url: target.url('/many') }),
      ),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(20);
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(5);
  });

  it('page their log without leaving out or repeating a delivery', async () => {
    const { id } = await one('/paged');
    for (let n = 0; n < 5; n++) await deploy(t, 'ada');
    await target.untilReceived('/paged', 5);
    const seen: string[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const page: DeliveryPage = await deliveries(id, 'ada', `?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`);
      seen.push(...page.deliveries.map((each) => each.event_id));
      cursor = page.next_cursor;
    }
    expect(seen).toEqual(
      target
        .at('/paged')
        .map(({ event }) => event.id)
        .reverse(),
    );
    await t.as('ada').get(`/api/notifications/webhooks/${id}/deliveries?cursor=zzz`).expect(400);
  });

  it.each([
    [{}, '/url'],
    [{ url: 'not a url' }, '/url'],
    [{ url: 'ftp://example.org/' }, '/url'],
    [{ url: 'https://user:secret@example.org/' }, '/url'],
    [{ url: 'https://10.0.0.1/' }, '/url'],
    [{ url: 'https://example.org/', event_types: ['fog.nothing'] }, '/event_types'],
    [{ url: 'https://example.org/', event_types: ['fog.deployment.failed', 'fog.deployment.failed'] }, '/event_types'],
    [{ url: 'https://example.org/', labels: { team: 1 } }, '/labels'],
    [{ url: 'https://example.org/', secret: 'whsec_mine' }, '/secret'],
  ])('refuse %j', async (body, pointer) => {
    const answer = await t.as('ada').post('/api/notifications/webhooks').send(body).expect(422);
    expect(answer.body).toMatchObject({ code: 'validation_failed', errors: [{ pointer }] });
  });

  it('hold no secret and no value of env where it could be read', async () => {
    const [{ secret }] = [await create('/canary')];
    const id = await deployed(t, 'ada', { env: { SECRET: CANARY } });
    await reaches(t, 'ada', id, 'running');
    await target.untilReceived('/canary', 3);
    const secretKey = secret.slice('whsec_'.length);
    for (const { table, row } of await t.dataSource.query<{ table: string; row: string }[]>(`
      SELECT 'events' AS table, to_jsonb(e)::text AS row FROM events e UNION ALL SELECT 'deliveries', to_jsonb(d)::text FROM deliveries d
      UNION ALL SELECT 'subscriptions', to_jsonb(s)::text || encode(s.secret_sealed, 'escape') FROM subscriptions s`)) {
      for (const hidden of [CANARY, secret, secretKey]) expect([table, row.includes(hidden)]).toEqual([table, false]);
    }
    expect(target.received.filter(({ body }) => body.includes(CANARY) || body.includes(secretKey))).toEqual([]);
    expect(logged.length).toBeGreaterThan(10);
    expect(
      logged.filter((line) => line.includes(CANARY) || line.includes(secretKey) || line.includes('secret words of the target')),
    ).toEqual([]);
  });

  it('give every event an id that is a UUID', () => {
    expect(target.received.map(({ headers }) => headers['webhook-id']).filter((id) => !UUID.test(id ?? ''))).toEqual([]);
  });
});
