import { aUser, anAdmin, bearer, logIn, PASSWORD, type LoggedIn } from '../support/auth-users';
import { MailServer, unfolded } from '../support/mail-server';
import { startTestApp, type TestApp } from '../support/test-app';
import { until } from '../support/until';

const NEW = 'Better-Horse-8';
const NOBODY = '00000000-0000-4000-8000-000000000000';

describe('passwords', () => {
  let t: TestApp;
  let mail: MailServer;
  beforeAll(async () => {
    mail = await MailServer.start();
    t = await startTestApp({ env: { SMTP_URL: mail.url, SMTP_FROM: 'noreply@fog.example', TRUSTED_PROXIES: '127.0.0.1/32' } });
  });
  beforeEach(() => {
    mail.mails.length = 0;
    mail.refusal = null;
  });
  afterAll(async () => {
    await t?.close();
    await mail?.close();
  });

  const auditOf = async (action: string, id: string): Promise<unknown[]> =>
    t.dataSource.query(`SELECT actor_id, outcome FROM audit_log WHERE action = $1 AND resource_id = $2`, [action, id]);
  const tries = (username: string, password: string, from?: string) => {
    const request = t.http.post('/api/auth/login');
    return (from === undefined ? request : request.set('X-Forwarded-For', from)).send({ username, password });
  };

  describe('POST /api/auth/password', () => {
    const change = (token: string, current: string, next = NEW) =>
      t.http.post('/api/auth/password').set(bearer(token)).send({ current_password: current, new_password: next });

    it('changes it, ends all other sessions, and keeps the own one and API tokens', async () => {
      const user = await aUser(t);
      const other = await logIn(t, user.username);
      const { token } = (await t.http.post('/api/auth/tokens').set(bearer(user.accessToken)).send({ name: 'ci' }).expect(201)).body as {
        token: string;
      };
      await t.http.get('/api/auth/me').set(bearer(other.accessToken)).expect(200);
      await change(user.accessToken, PASSWORD).expect(204);
      await t.http.get('/api/auth/me').set(bearer(other.accessToken)).expect(401);
      await t.http.post('/api/auth/refresh').send({ refresh_token: other.refreshToken }).expect(401);
      await t.http.get('/api/auth/me').set(bearer(user.accessToken)).expect(200);
      await t.http.get('/api/auth/me').set(bearer(token)).expect(200);
      await tries(user.username, PASSWORD).expect(401);
      await logIn(t, user.username, NEW);
      expect(await auditOf('user.change_password', user.id)).toEqual([{ actor_id: user.id, outcome: 'done' }]);
    });

    it('lets nobody in with the password of before whose log-in was under way', async () => {
      const user = await aUser(t);
      const other = t.dataSource.createQueryRunner();
      await other.startTransaction();
      await other.query(`UPDATE users SET password_hash = password_hash || 'x' WHERE id = $1`, [user.id]);
      const login = tries(user.username, PASSWORD, '198.51.100.7').then(({ status }) => status);
      const waits = `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%INTO sessions%'`;
      await until(async () => (await t.dataSource.query<unknown[]>(waits)).length > 0, { what: 'the log-in to wait' });
      await other.commitTransaction();
      await other.release();
      expect(await login).toBe(401);
      // Nor is the address known from which it was tried.
      await t.dataSource.query(`UPDATE users SET password_hash = rtrim(password_hash, 'x') WHERE id = $1`, [user.id]);
      for (let n = 0; n < 5; n++) await tries(user.username, 'Wrong-Horse-7', '198.51.100.9').expect(401);
      await tries(user.username, PASSWORD, '198.51.100.7').expect(423);
    });

    it('refuses a wrong password by its field, counts it, and locks as a log-in does', async () => {
      const user = await aUser(t);
      for (let n = 0; n < 5; n++) {
        const { body } = await change(user.accessToken, 'Wrong-Horse-7').expect(422);
        expect(body).toMatchObject({ code: 'validation_failed', errors: [{ pointer: '/current_password' }] });
      }
      expect((await change(user.accessToken, PASSWORD).expect(423)).body).toMatchObject({ code: 'account_locked' });
      await change(user.accessToken, PASSWORD, 'weak').expect(422);
    });

    it('is not for API tokens', async () => {
      const user = await aUser(t);
      const { token } = (await t.http.post('/api/auth/tokens').set(bearer(user.accessToken)).send({ name: 'ci' }).expect(201)).body as {
        token: string;
      };
      expect((await change(token, PASSWORD).expect(409)).body).toMatchObject({ code: 'conflict' });
      await logIn(t, user.username);
    });

    it('lets one of two changes at once win', async () => {
      const user = await aUser(t);
      const wishes = ['Better-Horse-8', 'Faster-Horse-9'];
      const answers = await Promise.all(wishes.map((wish) => change(user.accessToken, PASSWORD, wish)));
      expect(answers.filter(({ status }) => status === 204)).toHaveLength(1);
      const winner = wishes[answers.findIndex(({ status }) => status === 204)] ?? '';
      await logIn(t, user.username, winner);
      await tries(user.username, wishes.find((wish) => wish !== winner) ?? '').expect(401);
    });
  });

  describe('a one-time link of an administrator', () => {
    const linkFor = async (admin: LoggedIn, id: string): Promise<string> => {
      const { body } = await t.http.post(`/api/users/${id}/password-link`).set(bearer(admin.accessToken)).expect(201);
      return (body as { token: string }).token;
    };
    const confirm = (token: string, password = NEW) => t.http.post('/api/auth/password-reset/confirm').send({ token, password });

    it('sets the password once, ends every session and unlocks the name', async () => {
      const admin = await anAdmin(t);
      const user = await aUser(t);
      const token = await linkFor(admin, user.id);
      expect(token).toMatch(/^fogp_/);
      await logIn(t, user.username);
      for (let n = 0; n < 5; n++) await tries(user.username, 'Wrong-Horse-7').expect(401);
      await tries(user.username, PASSWORD).expect(423);
      await confirm(token, 'weak').expect(422);
      await confirm(token).expect(204);
      await t.http.get('/api/auth/me').set(bearer(user.accessToken)).expect(401);
      await logIn(t, user.username, NEW);
      const again = await confirm(token, 'Other-Horse-9').expect(422);
      expect(again.body).toMatchObject({ code: 'validation_failed', errors: [{ pointer: '/token' }] });
      expect(await auditOf('user.link_password', user.id)).toEqual([{ actor_id: admin.id, outcome: 'done' }]);
      expect(await auditOf('user.reset_password', user.id)).toEqual([{ actor_id: null, outcome: 'done' }]);
      const stored = await t.dataSource.query<{ text: string }[]>(`SELECT l::text AS text FROM password_links AS l`);
      expect(stored.some(({ text }) => text.includes(token))).toBe(false);
    });

    it('takes the place of the one before, and expires', async () => {
      const admin = await anAdmin(t);
      const user = await aUser(t);
      const first = await linkFor(admin, user.id);
      const second = await linkFor(admin, user.id);
      await confirm(first).expect(422);
      await t.dataSource.query(`UPDATE password_links SET expires_at = now() WHERE user_id = $1`, [user.id]);
      await confirm(second).expect(422);
      await logIn(t, user.username);
    });

    it('of several uses at once lets one succeed', async () => {
      const admin = await anAdmin(t);
      const user = await aUser(t);
      const token = await linkFor(admin, user.id);
      const wishes = ['Aa1-horse-1', 'Aa1-horse-2', 'Aa1-horse-3'];
      const answers = await Promise.all(wishes.map((wish) => confirm(token, wish)));
      expect(answers.map(({ status }) => status).sort()).toEqual([204, 422, 422]);
      await logIn(t, user.username, wishes[answers.findIndex(({ status }) => status === 204)]);
    });

    it('is made by administrators only, for somebody who exists and has a password here', async () => {
      const admin = await anAdmin(t);
      const user = await aUser(t);
      await t.http.post(`/api/users/${user.id}/password-link`).set(bearer(user.accessToken)).expect(403);
      await t.http.post(`/api/users/${NOBODY}/password-link`).set(bearer(admin.accessToken)).expect(404);
      await t.dataSource.query(`UPDATE users SET password_hash = NULL, external_issuer = 'i', external_subject = username WHERE id = $1`, [
        user.id,
      ]);
      const { body } = await t.http.post(`/api/users/${user.id}/password-link`).set(bearer(admin.accessToken)).expect(409);
      expect(body).toMatchObject({ code: 'conflict' });
    });
  });

  describe('a link by e-mail', () => {
    const ask = (username: string) => t.http.post('/api/auth/password-reset/request').send({ username }).expect(202);
    const tokenIn = (text: string | undefined): string => /"token":"(fogp_[\w-]+)"/.exec(text ?? '')?.[1] ?? 'no token';
    const isQuiet = () =>
      until(async () => {
        const jobs = await t.dataSource.query<unknown[]>(`SELECT 1 FROM jobs WHERE kind = 'account.mail_password_link'`);
        return jobs.length === 0;
      });

    it('goes to the address of the account, sets the password, and is asked for by name or address', async () => {
      for (const by of ['name', 'address'] as const) {
        const user = await aUser(t);
        mail.mails.length = 0;
        await ask(by === 'name' ? user.username.toUpperCase() : `${user.username}@Example.org`);
        const [sent] = await mail.untilMails(1);
        expect(sent?.to).toEqual([`${user.username}@example.org`]);
        await t.http
          .post('/api/auth/password-reset/confirm')
          .send({ token: tokenIn(sent?.text), password: NEW })
          .expect(204);
        await logIn(t, user.username, NEW);
      }
    });

    it('answers the same for those who do not exist, are off, or have no address, and sends nothing', async () => {
      const [off, without] = [await aUser(t), await aUser(t)];
      await t.dataSource.query(`UPDATE users SET is_active = false WHERE id = $1`, [off.id]);
      await t.dataSource.query(`UPDATE users SET email = username || '@x.invalid' WHERE id = $1`, [without.id]);
      const known = await ask((await aUser(t)).username);
      await mail.untilMails(1);
      for (const name of ['nobody-at-all', off.username, without.username]) expect((await ask(name)).body).toEqual(known.body);
      await isQuiet();
      expect(mail.mails).toHaveLength(1);
    });

    it('is not mailed twice within a quarter of an hour, and leaves a link of an administrator alone', async () => {
      const admin = await anAdmin(t);
      const user = await aUser(t);
      const { body } = await t.http.post(`/api/users/${user.id}/password-link`).set(bearer(admin.accessToken)).expect(201);
      await ask(user.username);
      const [first] = await mail.untilMails(1);
      await isQuiet();
      await ask(user.username);
      await isQuiet();
      expect(mail.mails).toHaveLength(1);
      await t.dataSource.query(`UPDATE password_links SET mailed_at = now() - interval '16 minutes' WHERE user_id = $1 AND by_mail`, [
        user.id,
      ]);
      await ask(user.username);
      await mail.untilMails(2);
      const confirm = (token: string) => t.http.post('/api/auth/password-reset/confirm').send({ token, password: NEW });
      await confirm(tokenIn(first?.text)).expect(422);
      await confirm((body as { token: string }).token).expect(204);
      await confirm(tokenIn(mail.mails[1]?.text)).expect(422);
    });

    it('is tried again while the mail server refuses, and given up in the end', async () => {
      const user = await aUser(t);
      mail.refusal = { code: 451, words: 'later' };
      await ask(user.username);
      const job = async () =>
        (await t.dataSource.query<{ attempts: number }[]>(`SELECT attempts FROM jobs WHERE kind = 'account.mail_password_link'`))[0];
      await until(async () => ((await job())?.attempts ?? 0) >= 1);
      mail.refusal = null;
      await t.dataSource.query(`UPDATE jobs SET due_at = now() WHERE kind = 'account.mail_password_link'`);
      expect((await mail.untilMails(1))[0]?.to).toEqual([`${user.username}@example.org`]);
      await isQuiet();
    });
  });

  it('leads to PUBLIC_URL in the e-mail, and names the path alone without one', async () => {
    const PUBLIC_URL = 'https://fog.example.org/fog';
    const behindProxy = await startTestApp({ env: { SMTP_URL: mail.url, SMTP_FROM: 'noreply@fog.example', PUBLIC_URL } });
    try {
      for (const [app, url] of [
        [behindProxy, PUBLIC_URL],
        [t, ''],
      ] as const) {
        mail.mails.length = 0;
        const { username } = await aUser(app);
        await app.http.post('/api/auth/password-reset/request').send({ username }).expect(202);
        const [sent] = await mail.untilMails(1);
        expect(unfolded(sent)).toContain(`\r\nPOST ${url}/api/auth/password-reset/confirm\r\n`);
      }
    } finally {
      await behindProxy.close();
    }
  });

  it('without a mail server says so, and who can help', async () => {
    const plain = await startTestApp();
    try {
      const { body } = await plain.http.post('/api/auth/password-reset/request').send({ username: 'ada' }).expect(409);
      expect(body).toMatchObject({ code: 'email_not_configured' });
    } finally {
      await plain.close();
    }
  });
});
