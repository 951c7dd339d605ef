import { deploy, deployed } from '../support/deployments';
import { MailServer } from '../support/mail-server';
import { deliveriesOf, timePasses, untilDelivery } from '../support/notifications';
import { insertRow } from '../support/rows';
import { startTestApp, type TestApp } from '../support/test-app';
import { until } from '../support/until';

const FROM = 'fog-compute <noreply@fog.example>';
const CREATED = { event_types: ['fog.deployment.created'] };

describe('e-mails', () => {
  let t: TestApp;
  let mail: MailServer;
  const logged: string[] = [];
  beforeAll(async () => {
    mail = await MailServer.start();
    const logStream = { write: (line: string) => void logged.push(line) };
    t = await startTestApp({ env: { SMTP_URL: mail.url, SMTP_FROM: FROM, STOP_GRACE_SECONDS: '0', LOG_LEVEL: 'debug' }, logStream });
    for (const user of ['ada', 'eve'])
      await t.dataSource.query(`INSERT INTO confirmed_addresses (user_id, email) SELECT id, email FROM users WHERE id = $1`, [
        await t.userId(user),
      ]);
  });
  afterEach(async () => {
    await t.dataSource.query(`DELETE FROM subscriptions`);
    mail.mails.length = 0;
    mail.refusal = null;
  });
  afterAll(async () => {
    await t?.close();
    await mail?.close();
  });

  const create = async (body: object = CREATED, user = 'ada'): Promise<string> =>
    (await t.as(user).post('/api/notifications/emails').send(body).expect(201)).body.id as string;
  const untilState = (id: string, state: string, attempts?: number) => untilDelivery(t, 'emails', id, state, attempts);

  it("go to the account's own address, with what happened in words", async () => {
    const { body } = await t
      .as('ada')
      .post('/api/notifications/emails')
      .send({ event_types: ['fog.deployment.running'] })
      .expect(201);
    expect(body).toMatchObject({ email: 'ada@test.example', enabled: true, confirmed: true });
    const id = await deployed(t, 'ada', { name: 'shop', env: { SECRET: 'canary-in-mail' } });
    const [got] = await mail.untilMails(1);
    expect(got).toMatchObject({ from: 'noreply@fog.example', to: ['ada@test.example'] });
    expect(got?.text).toMatch(/^Subject: \[fog-compute\] shop: deployment running\r$/m);
    expect(got?.text).toContain(`deployment_id: ${id}`);
    expect(got?.text).toContain('new_status: running');
    expect(got?.text).not.toContain('canary-in-mail');
    expect(await untilState(body.id as string, 'delivered')).toMatchObject({ attempts: 1, response_status: 250, error: null });
  });

  it('cannot be sent to any other address', async () => {
    for (const more of [{ email: 'victim@example.org' }, { to: 'victim@example.org' }, { url: 'https://example.org' }])
      await t
        .as('ada')
        .post('/api/notifications/emails')
        .send({ ...CREATED, ...more })
        .expect(422);
    await create();
    await create(CREATED, 'eve');
    await deploy(t, 'ada');
    expect((await mail.untilMails(1)).map(({ to }) => to)).toEqual([['ada@test.example']]);
  });

  it('are repeated under the same Message-ID when the server refuses for the moment', async () => {
    const id = await create();
    mail.refusal = { code: 451, words: 'try again later' };
    await deploy(t, 'ada');
    expect(await untilState(id, 'pending')).toMatchObject({ response_status: 451, error: 'The mail server did not take it (answer 451)' });
    mail.refusal = null;
    await timePasses(t, id);
    const delivered = await untilState(id, 'delivered', 2);
    await t.as('ada').post(`/api/notifications/deliveries/${delivered.id}/redeliver`).expect(202);
    const ids = (await mail.untilMails(2)).map(({ text }) => /^Message-ID:\s+(\S+)/im.exec(text)?.[1]);
    expect(ids[0]).toBeDefined();
    expect(ids[0]).toBe(ids[1]);
  });

  it('wait for a server that is dead, and go out when it is back', async () => {
    const id = await create();
    await mail.close();
    try {
      await deploy(t, 'ada');
      expect(await untilState(id, 'pending')).toMatchObject({
        response_status: null,
        error: expect.stringContaining('could not be reached'),
      });
    } finally {
      await mail.listen();
    }
    await timePasses(t, id);
    await untilState(id, 'delivered', 2);
    await mail.untilMails(1);
  });

  it('tell of a webhook that was switched off, whatever they listen to', async () => {
    const id = await create({ event_types: ['fog.deployment.purged'], labels: { team: 'nobody' } });
    await t.dataSource.query(
      `INSERT INTO events (type, user_id, data) VALUES ('fog.notification.disabled', $1, '{"reason":"nothing but failures"}')`,
      [await t.userId('ada')],
    );
    const [got] = await mail.untilMails(1);
    expect(got?.text).toContain('reason: nothing but failures');
    await untilState(id, 'delivered');
  });

  it('can be tested: the test goes to that subscription only, whatever it listens to, and not too often', async () => {
    const [id, other] = [await create({ event_types: ['fog.deployment.purged'], labels: { team: 'nobody' } }), await create({})];
    const test = () => t.as('ada').post(`/api/notifications/emails/${id}/test`);
    await test().expect(202);
    expect(await untilState(id, 'delivered')).toMatchObject({ event_type: 'fog.notification.test', response_status: 250 });
    const [got, ...more] = await mail.untilMails(1);
    expect(more).toEqual([]);
    expect(got?.to).toEqual(['ada@test.example']);
    expect(got?.text).toMatch(/^Subject: \[fog-compute\] notification test\r$/m);
    expect(got?.text).toContain(`subscription_id: ${id}`);
    expect((await test().expect(429)).headers['retry-after']).toBe('10');
    expect((await deliveriesOf(t, 'emails', other)).deliveries).toEqual([]);
    const rows = await t.dataSource.query(`SELECT outcome FROM audit_log WHERE resource_id = $1 AND action = 'email.test'`, [id]);
    expect(rows).toEqual([{ outcome: 'done' }]);
  });

  it('cannot be tested while they are switched off', async () => {
    const id = await create({ enabled: false });
    const { body } = await t.as('ada').post(`/api/notifications/emails/${id}/test`).expect(409);
    expect(body).toMatchObject({ code: 'conflict', detail: 'This e-mail subscription is switched off. Switch it on first.' });
    await t.as('ada').patch(`/api/notifications/emails/${id}`).send({ enabled: true }).expect(200);
    await t.as('ada').post(`/api/notifications/emails/${id}/test`).expect(202);
    await untilState(id, 'delivered');
  });

  it('stay one e-mail whatever is in the data: nothing becomes a header, a recipient or a line of its own', async () => {
    await create({ event_types: ['fog.deployment.failed'] });
    await t.dataSource.query(`INSERT INTO events (type, user_id, data) VALUES ('fog.deployment.failed', $1, $2)`, [
      await t.userId('ada'),
      JSON.stringify({ name: 'x\r\nBcc: victim@example.org', reason: 'a\r\n.\r\nMAIL FROM:<evil@example.org>' }),
    ]);
    const [got, ...more] = await mail.untilMails(1);
    expect(more).toEqual([]);
    expect(got?.to).toEqual(['ada@test.example']);
    expect(got?.text).not.toMatch(/^Bcc:/im);
    expect(got?.text).not.toMatch(/^MAIL FROM/im);
  });

  it('are at most five a user, belong to him, and leave rows in the audit log', async () => {
    const ids = await Promise.all(Array.from({ length: 5 }, () => create()));
    await t.as('ada').post('/api/notifications/emails').send(CREATED).expect(409);
    const [id = ''] = ids;
    for (const send of [t.as('eve').get(`/api/notifications/emails/${id}`), t.as('eve').delete(`/api/notifications/emails/${id}`)])
      await send.expect(404);
    const off = () => t.as('ada').patch(`/api/notifications/emails/${id}`).set('Idempotency-Key', `off-${id}`).send({ enabled: false });
    const [first, again] = [await off().expect(200), await off().expect(200)];
    expect([again.body, again.headers['idempotency-replayed']]).toEqual([first.body, 'true']);
    await t.as('ada').delete(`/api/notifications/emails/${id}`).expect(204);
    expect((await t.as('ada').get('/api/notifications/emails').expect(200)).body).toHaveLength(4);
    const rows = await t.dataSource.query<{ action: string }[]>(
      `SELECT action FROM audit_log WHERE resource_id = $1 AND outcome = 'done' ORDER BY id`,
      [id],
    );
    expect(rows.map(({ action }) => action)).toEqual(['email.create', 'email.change', 'email.remove']);
  });

  it('are sixty an hour at most; more wait until the hour is over', async () => {
    const id = await create();
    await t.dataSource.query(
      `WITH past AS (INSERT INTO events (type, user_id, data, position, published_at)
                     SELECT 'fog.deployment.created', $1, '{}', -n, now() FROM generate_series(1, 60) AS n RETURNING id, position)
       INSERT INTO deliveries (subscription_id, event, position, state, next_attempt_at, give_up_at, finished_at)
       SELECT $2, id, position, 'delivered', NULL, now(), now() FROM past`,
      [await t.userId('ada'), id],
    );
    await deploy(t, 'ada');
    const [job] = await until(async () => {
      const rows = await t.dataSource.query<{ wait: number }[]>(
        `SELECT extract(epoch FROM due_at - now())::float8 AS wait FROM jobs WHERE key = $1 AND due_at > now() + interval '1 minute'`,
        [id],
      );
      return rows.length > 0 ? rows : null;
    });
    expect(job?.wait).toBeGreaterThan(3_000);
    expect([mail.mails, (await deliveriesOf(t, 'emails', id)).deliveries[0]]).toMatchObject([[], { state: 'pending', attempts: 0 }]);
    await t.dataSource.query(`UPDATE deliveries SET finished_at = finished_at - interval '61 minutes' WHERE subscription_id = $1`, [id]);
    await timePasses(t, id);
    await untilState(id, 'delivered');
  });

  it('never show the password of the mail server', () => {
    expect(logged.length).toBeGreaterThan(0);
    expect(logged.filter((line) => line.includes('mail-password'))).toEqual([]);
  });
});

describe('without a mail server', () => {
  it('e-mails are refused in words, and webhooks work on', async () => {
    const t = await startTestApp();
    try {
      const { body } = await t.as('ada').post('/api/notifications/emails').send(CREATED).expect(409);
      expect(body).toMatchObject({ code: 'email_not_configured', detail: 'E-mail is not configured on this server' });
      expect((await t.as('ada').get('/api/notifications/emails').expect(200)).body).toEqual([]);
      const id = await insertRow(t.dataSource, 'subscriptions', { user_id: await t.userId('ada'), kind: 'email' });
      const untested = await t.as('ada').post(`/api/notifications/emails/${id}/test`).expect(409);
      expect(untested.body).toMatchObject({ code: 'email_not_configured', detail: 'E-mail is not configured on this server' });
      const refused = await t.as('ada').post('/api/notifications/webhooks').send({ url: 'http://example.org/' }).expect(422);
      expect(refused.body.detail).toBe('url must begin with https://.');
    } finally {
      await t.close();
    }
  });
});
