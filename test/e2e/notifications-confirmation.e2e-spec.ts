import { deploy } from '../support/deployments';
import { MailServer, unfolded, type ReceivedMail } from '../support/mail-server';
import { deliveriesOf, timePasses } from '../support/notifications';
import { QueryTap } from '../support/query-tap';
import { insertRow } from '../support/rows';
import { startTestApp, type TestApp } from '../support/test-app';
import { until } from '../support/until';

const EMAILS = '/api/notifications/emails';
const CREATED = { event_types: ['fog.deployment.created'] };
const codeIn = (mail: ReceivedMail | undefined): string => /"code":"(\w+)"/.exec(mail?.text ?? '')?.[1] ?? 'no code';

/** A user may register with any address. Only its reader can say that e-mails are wanted there. */
describe('an address that nobody has confirmed', () => {
  let t: TestApp;
  let mail: MailServer;
  let user: string;
  let users = 0;
  beforeAll(async () => {
    mail = await MailServer.start();
    t = await startTestApp({ env: { SMTP_URL: mail.url, SMTP_FROM: 'noreply@fog.example', STOP_GRACE_SECONDS: '0' } });
  });
  beforeEach(async () => {
    user = `user${String((users += 1))}`;
    await t.userId(user);
    mail.mails.length = 0;
    mail.refusal = null;
  });
  afterAll(async () => {
    await t?.close();
    await mail?.close();
  });

  const create = async () => (await t.as(user).post(EMAILS).send(CREATED).expect(201)).body as { id: string; confirmed: boolean };
  /** Mails to those of the tests before may still come. */
  const mailedCode = async (): Promise<string> =>
    codeIn(await until(() => mail.mails.find(({ to }) => to.includes(`${user}@test.example`)), { what: 'the e-mail with the code' }));
  const confirm = (id: string, body: object, by = user) => t.as(by).post(`${EMAILS}/${id}/confirm`).send(body);
  const codes = async (): Promise<Record<string, unknown>[]> =>
    t.dataSource.query(`SELECT * FROM address_codes WHERE user_id = $1 ORDER BY created_at`, [await t.userId(user)]);
  const hasNoJob = (id: string) =>
    until(async () => (await t.dataSource.query<unknown[]>(`SELECT 1 FROM jobs WHERE key = $1`, [id])).length === 0);

  it('gets one e-mail with a code and nothing else, until the code comes back', async () => {
    const { id, confirmed } = await create();
    expect(confirmed).toBe(false);
    const [asked] = await mail.untilMails(1);
    expect(asked?.to).toEqual([`${user}@test.example`]);
    expect(asked?.text).toMatch(/^Subject: \[fog-compute\] confirm your address\r$/m);
    expect(unfolded(asked)).toContain(`\r\nPOST ${EMAILS}/${id}/confirm\r\n`);
    await deploy(t, user);
    const test = await t.as(user).post(`${EMAILS}/${id}/test`).expect(409);
    expect(test.body).toMatchObject({ code: 'conflict', detail: expect.stringContaining(`${id}/confirm`) });
    await hasNoJob(id);
    expect([mail.mails.length, (await deliveriesOf(t, 'emails', id, user)).deliveries]).toEqual([1, []]);
    const { body } = await confirm(id, { code: codeIn(asked) }).expect(200);
    expect(body).toMatchObject({ id, email: `${user}@test.example`, confirmed: true });
    await deploy(t, user);
    expect((await mail.untilMails(2))[1]?.text).toMatch(/^Subject: .*deployment created/m);
    expect(await create()).toMatchObject({ confirmed: true });
    expect(await codes()).toHaveLength(1);
    const rows = await t.dataSource.query(`SELECT outcome FROM audit_log WHERE resource_id = $1 AND action = 'email.confirm'`, [id]);
    expect(rows).toEqual([{ outcome: 'done' }]);
  });

  it('is looked up on the connection of the transaction: a second one for each would leave none when many come at once', async () => {
    const { id } = await create();
    const code = await mailedCode();
    const tap = new QueryTap(t.dataSource);
    const statements = await tap.statements(async () => {
      await t.as(user).post(`${EMAILS}/${id}/test`).expect(409);
      await confirm(id, { code }).expect(200);
    });
    const lookUps = statements.filter(({ sql }) => /FROM subscriptions WHERE user_id|"isConfirmed" FROM users/.test(sql));
    expect(lookUps.length).toBeGreaterThan(1);
    expect(lookUps.filter(({ inTransaction }) => !inTransaction)).toEqual([]);
  });

  it('keeps no code where it could be read, and takes each only once', async () => {
    const { id } = await create();
    const code = await mailedCode();
    expect(JSON.stringify(await codes())).not.toContain(code);
    await confirm(id, { code }).expect(200);
    await t.dataSource.query(`DELETE FROM confirmed_addresses WHERE user_id = $1`, [await t.userId(user)]);
    expect((await confirm(id, { code }).expect(422)).body).toMatchObject({ code: 'validation_failed', errors: [{ pointer: '/code' }] });
  });

  it('is not confirmed by an old code, by somebody else, or by guessing', async () => {
    const { id } = await create();
    const code = await mailedCode();
    await confirm(id, { code }, 'eve').expect(404);
    for (let n = 0; n < 5; n++) await confirm(id, { code: '0'.repeat(16) }).expect(422);
    await confirm(id, { code }).expect(422);
    await t.dataSource.query(`UPDATE address_codes SET wrong_codes = 0, expires_at = now() WHERE user_id = $1`, [await t.userId(user)]);
    await confirm(id, { code }).expect(422);
    expect((await t.as(user).get(`${EMAILS}/${id}`).expect(200)).body).toMatchObject({ confirmed: false });
  });

  it('is asked three times a day at most, however subscriptions come and go', async () => {
    const { id } = await create();
    expect((await confirm(id, {}).expect(200)).body).toMatchObject({ confirmed: false });
    await t.as(user).delete(`${EMAILS}/${id}`).expect(204);
    const { id: next } = await create();
    expect((await confirm(next, {}).expect(429)).body).toMatchObject({ code: 'rate_limited' });
    await t.as(user).post(EMAILS).send(CREATED).expect(429);
    expect((await t.as(user).get(EMAILS).expect(200)).body).toHaveLength(1);
    // Nor can the same address be written to more often through another account.
    const other = await t.userId(`${user}-other`);
    await t.dataSource.query(`UPDATE users SET email = 'former.' || email WHERE username = $1`, [user]);
    await t.dataSource.query(`UPDATE users SET email = $2 WHERE id = $1`, [other, `${user}@test.example`]);
    await t.as(`${user}-other`).post(EMAILS).send(CREATED).expect(429);
    await t.dataSource.query(`UPDATE address_codes SET created_at = now() - interval '25 hours'`);
    await t.as(`${user}-other`).post(EMAILS).send(CREATED).expect(201);
  });

  it('is asked again with a new code when the mail server did not take the first', async () => {
    mail.refusal = { code: 451, words: 'later' };
    const { id } = await create();
    await until(
      async () => (await t.dataSource.query<unknown[]>(`SELECT 1 FROM jobs WHERE key = $1 AND attempts >= 1`, [id])).length === 1,
    );
    mail.refusal = null;
    await timePasses(t, id);
    await confirm(id, { code: await mailedCode() }).expect(200);
  });

  it('is what a confirmed one becomes when it changes: what waits then goes to nobody until the new one is confirmed', async () => {
    const { id } = await create();
    await confirm(id, { code: await mailedCode() }).expect(200);
    await hasNoJob(id);
    await t.dataSource.query(`UPDATE users SET email = 'stranger.' || email WHERE username = $1`, [user]);
    await insertRow(t.dataSource, 'events', { type: 'fog.deployment.created', user_id: await t.userId(user), data: {} });
    expect((await t.as(user).get(`${EMAILS}/${id}`).expect(200)).body).toMatchObject({ confirmed: false });
    await confirm(id, {}).expect(200);
    const [, asked] = await mail.untilMails(2);
    expect(asked?.to).toEqual([`stranger.${user}@test.example`]);
    await confirm(id, { code: codeIn(asked) }).expect(200);
    await deploy(t, user);
    expect((await mail.untilMails(3))[2]?.to).toEqual([`stranger.${user}@test.example`]);
  });

  it.each(['admin.invalid', 'users.invalid'])('that cannot exist, at %s, is refused at once with what to do', async (domain) => {
    await t.dataSource.query(`UPDATE users SET email = username || '@' || $2 WHERE username = $1`, [user, domain]);
    const { body } = await t.as(user).post(EMAILS).send(CREATED).expect(409);
    expect(body).toMatchObject({ code: 'conflict', detail: expect.stringContaining('PATCH /api/auth/me') });
  });
});

describe('a confirmation e-mail', () => {
  it('leads to PUBLIC_URL where there is one', async () => {
    const mail = await MailServer.start();
    const PUBLIC_URL = 'https://fog.example.org/fog';
    const t = await startTestApp({ env: { SMTP_URL: mail.url, SMTP_FROM: 'noreply@fog.example', PUBLIC_URL } });
    try {
      await t.userId('ada');
      const { id } = (await t.as('ada').post(EMAILS).send(CREATED).expect(201)).body as { id: string };
      const [asked] = await mail.untilMails(1);
      expect(unfolded(asked)).toContain(`\r\nPOST ${PUBLIC_URL}${EMAILS}/${id}/confirm\r\n`);
    } finally {
      await t.close();
      await mail.close();
    }
  });
});

describe('a confirmation e-mail that cannot be sent', () => {
  it('tells the user who waits for it why: the certificate of the mail server is named', async () => {
    const mail = await MailServer.start({ tls: true });
    const t = await startTestApp({ env: { SMTP_URL: mail.url, SMTP_FROM: 'noreply@fog.example' } });
    try {
      await t.userId('ada');
      const { id } = (await t.as('ada').post(EMAILS).send(CREATED).expect(201)).body as { id: string };
      const shown = async () => (await t.as('ada').get(`${EMAILS}/${id}`).expect(200)).body as { confirmation_error: string | null };
      const words = await until(async () => (await shown()).confirmation_error, { what: 'the reason' });
      expect(words).toMatch(
        /^The mail server of SMTP_URL was reached, but its certificate is signed by an authority that is not trusted here/,
      );
    } finally {
      await t.close();
      await mail.close();
    }
  });
});
