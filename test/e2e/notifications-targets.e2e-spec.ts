import { deploy } from '../support/deployments';
import { timePasses, untilDelivery } from '../support/notifications';
import { startTestApp, type TestApp } from '../support/test-app';
import { until } from '../support/until';
import { WebhookReceiver } from '../support/webhook-receiver';

const CREATED = { event_types: ['fog.deployment.created'] };

describe('webhooks whose targets are slow, broken, repaired or gone', () => {
  let t: TestApp;
  let target: WebhookReceiver;
  beforeAll(async () => {
    target = await WebhookReceiver.start();
    t = await startTestApp({ env: { WEBHOOK_ALLOW_HTTP: 'true', WEBHOOK_ALLOWED_NETWORKS: '127.0.0.1', STOP_GRACE_SECONDS: '0' } });
    await t.userId('ada');
  });
  afterAll(async () => {
    await t?.close();
    await target?.close();
  });
  /** Switches subscriptions off, so that each test gets only events of its own deployments. */
  afterEach(() => t.dataSource.query(`UPDATE subscriptions SET enabled = false`));

  const one = async (path: string, user = 'ada'): Promise<{ id: string }> =>
    (
      await t
        .as(user)
        .post('/api/notifications/webhooks')
        .send({ url: target.url(path), ...CREATED })
        .expect(201)
    ).body as { id: string };
  const untilState = (id: string, state: string) => untilDelivery(t, 'webhooks', id, state);

  it('that failed once more after they were asked for again wait seconds, not the half day of their earlier failures', async () => {
    const { id } = await one('/again');
    target.answer('/again', (response) => response.writeHead(500).end());
    await deploy(t, 'ada');
    await untilState(id, 'pending');
    await t.dataSource.query(`UPDATE deliveries SET attempts = 9, give_up_at = now() WHERE subscription_id = $1`, [id]);
    await timePasses(t, id);
    const dead = await untilState(id, 'dead');
    await t.as('ada').post(`/api/notifications/deliveries/${dead.id}/redeliver`).expect(202);
    await target.untilReceived('/again', 3);
    const next = await until(async () => {
      const { next_attempt_at: at } = await untilState(id, 'pending');
      return at !== null && Date.parse(at) > Date.now() ? Date.parse(at) : null;
    });
    expect(next - Date.now()).toBeLessThan(10_000);
  });

  it.each([
    ['gets a new URL', (path: string) => ({ url: target.url(`${path}-repaired`) })],
    ['is switched on', () => ({ enabled: true })],
  ])('wait no longer once their webhook %s', async (what, changeOf) => {
    const path = `/repaired-${what.length}`;
    const { id } = await one(path);
    target.answer(path, (response) => response.writeHead(500).end());
    await deploy(t, 'ada');
    await untilState(id, 'pending');
    await t.dataSource.query(
      `UPDATE deliveries SET attempts = 8, next_attempt_at = now() + interval '12 hours' WHERE subscription_id = $1`,
      [id],
    );
    target.answer(path, (response) => response.writeHead(204).end());
    await t.as('ada').patch(`/api/notifications/webhooks/${id}`).send(changeOf(path)).expect(200);
    await untilState(id, 'delivered');
  });

  it('let others of the same user go on after some seconds, however much waits for slow targets that do answer', async () => {
    const slow = Array.from({ length: 4 }, (_, n) => `/crawls-${String(n)}`);
    for (const path of slow) {
      target.answer(path, (response) => setTimeout(() => response.writeHead(204).end(), 1_500));
      await one(path, 'crawler');
    }
    for (let n = 0; n < 48; n++) await deploy(t, 'crawler');
    await until(() => slow.every((path) => target.at(path).length > 5));
    await one('/crawls-not', 'crawler');
    await deploy(t, 'crawler');
    await target.untilReceived('/crawls-not', 1, 30_000);
  });

  it('leave no job behind once all is delivered: looking for more without end once kept the database busy', async () => {
    const { id } = await one('/idle');
    await deploy(t, 'ada');
    await untilState(id, 'delivered');
    await until(async () => (await t.dataSource.query<unknown[]>(`SELECT 1 FROM jobs WHERE key = $1`, [id])).length === 0, {
      what: 'the end of the job',
    });
  });

  it('end at once when the target answers that it is gone', async () => {
    const { id } = await one('/gone');
    target.answer('/gone', (response) => response.writeHead(410).end());
    await deploy(t, 'ada');
    expect(await untilState(id, 'dead')).toMatchObject({ attempts: 1, response_status: 410 });
    expect((await t.as('ada').get(`/api/notifications/webhooks/${id}`).expect(200)).body).toMatchObject({
      enabled: false,
      disabled_reason: 'Switched off because the target answered 410 Gone.',
    });
  });

  it('can be removed with a log of any length: no statement removes more than a few thousand rows', async () => {
    const { id } = await one('/long');
    await t.dataSource.query(
      `WITH past AS (INSERT INTO events (type, user_id, data, position, published_at)
                     SELECT 'fog.deployment.created', $1, '{}', -n, now() FROM generate_series(1, 12001) AS n RETURNING id, position)
       INSERT INTO deliveries (subscription_id, event, position, state, next_attempt_at, give_up_at, finished_at)
       SELECT $2, id, position, 'delivered', NULL, now(), now() FROM past`,
      [await t.userId('ada'), id],
    );
    await t.dataSource.query(`
      CREATE FUNCTION refuse_many() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF (SELECT count(*) FROM gone) > 5000 THEN RAISE EXCEPTION 'too many for one statement'; END IF; RETURN NULL; END $$`);
    await t.dataSource.query(
      `CREATE TRIGGER tr_refuse_many AFTER DELETE ON deliveries REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION refuse_many()`,
    );
    try {
      await t.as('ada').delete(`/api/notifications/webhooks/${id}`).expect(204);
      await t.as('ada').get(`/api/notifications/webhooks/${id}`).expect(404);
    } finally {
      await t.dataSource.query(`DROP TRIGGER tr_refuse_many ON deliveries`);
      await t.dataSource.query(`DELETE FROM events WHERE position < 0`);
    }
  });

  it('of one user who has only slow targets take four places of the process; those of others come through at once', async () => {
    const slow = Array.from({ length: 12 }, (_, n) => `/slow-${String(n)}`);
    const open = { now: 0, most: 0 };
    for (const path of slow) {
      target.answer(path, (response) => {
        open.most = Math.max(open.most, ++open.now);
        response.once('close', () => open.now--);
      });
      await one(path, 'slowpoke');
    }
    await one('/brisk');
    await deploy(t, 'slowpoke');
    await until(() => open.most === 4);
    await deploy(t, 'ada');
    await target.untilReceived('/brisk', 1, 4_000);
    // And none of the slow user's own targets is left out.
    await until(() => slow.every((path) => target.at(path).length > 0));
    expect(open.most).toBe(4);
  });
});
