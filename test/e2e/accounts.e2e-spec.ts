import { purgeExpiredCredentials } from '../../src/auth/purge-expired-credentials';
import { aUser, anAdmin, bearer, logIn, PASSWORD } from '../support/auth-users';
import { startTestApp, type TestApp } from '../support/test-app';

const NOBODY = '00000000-0000-4000-8000-000000000000';

describe('/api/users', () => {
  let t: TestApp;
  let admin: string;
  beforeAll(async () => {
    t = await startTestApp({ env: { TRUSTED_PROXIES: '127.0.0.1/32' } });
    admin = (await anAdmin(t)).accessToken;
  });
  afterAll(() => t?.close());

  const get = (path: string, token = admin) => t.http.get(`/api/users${path}`).set(bearer(token));
  const change = (id: string, body: object, token = admin) => t.http.patch(`/api/users/${id}`).set(bearer(token)).send(body);
  const tries = (username: string, password: string, from: string) =>
    t.http.post('/api/auth/login').set('X-Forwarded-For', from).send({ username, password });

  it('lists the users by name, by page, and by a part of the name or address', async () => {
    for (const name of ['zoe_1', 'zoe-2', 'zoe-3']) await aUser(t, name);
    const page = await get('?search=ZOE&limit=2').expect(200);
    expect(page.headers).toMatchObject({ 'x-total-count': '3', link: expect.stringContaining('offset=2') as string });
    expect((page.body as { username: string }[]).map(({ username }) => username)).toEqual(['zoe-2', 'zoe-3']);
    expect(page.body[0]).toMatchObject({
      email: 'zoe-2@example.org',
      is_active: true,
      is_admin: false,
      has_password: true,
      locked_until: null,
    });
    expect(page.text).not.toContain('argon2');
    // A wildcard of the database means itself.
    expect((await get('?search=zoe_').expect(200)).body).toHaveLength(1);
    expect((await get('?search=zoe-3@').expect(200)).body).toHaveLength(1);
    await get('?limit=0').expect(400);
  });

  it('shows one, for administrators only', async () => {
    const user = await aUser(t);
    expect((await get(`/${user.id}`).expect(200)).body).toMatchObject({ id: user.id, username: user.username });
    await get(`/${user.id}`, user.accessToken).expect(403);
    await get('', user.accessToken).expect(403);
    await get(`/${NOBODY}`).expect(404);
    await get('/nobody').expect(400);
  });

  it('invites: without a password the answer has a link, shown once, that sets it', async () => {
    const invite = t.http.post('/api/users').set(bearer(admin)).send({ username: 'Grace', email: 'grace@example.org' });
    const { body } = await invite.expect(201);
    const { password_link: link } = body as { password_link: { token: string; expires_at: string } };
    expect(body).toMatchObject({ username: 'grace', is_active: true });
    expect(new Date(link.expires_at).getTime()).toBeGreaterThan(Date.now() + 23 * 3_600_000);
    await t.http.post('/api/auth/password-reset/confirm').send({ token: link.token, password: PASSWORD }).expect(204);
    await logIn(t, 'grace');
    const given = await t.http
      .post('/api/users')
      .set(bearer(admin))
      .send({ username: 'linus', email: 'linus@example.org', password: PASSWORD })
      .expect(201);
    expect(given.body).toMatchObject({ password_link: null });
    await logIn(t, 'linus');
  });

  it('makes an administrator and unmakes one, at once', async () => {
    const user = await aUser(t);
    await change(user.id, { is_admin: true })
      .expect(200)
      .expect(({ body }) => expect(body).toMatchObject({ is_admin: true }));
    await get('', user.accessToken).expect(200);
    await change(user.id, { is_admin: false }).expect(200);
    await get('', user.accessToken).expect(403);
    const rows = await t.dataSource.query(
      `SELECT action, before, after FROM audit_log WHERE resource_id = $1 AND outcome = 'done' ORDER BY id`,
      [user.id],
    );
    expect(rows).toEqual(
      expect.arrayContaining([
        { action: 'user.promote', before: { is_admin: false }, after: { is_admin: true } },
        { action: 'user.demote', before: { is_admin: true }, after: { is_admin: false } },
      ]),
    );
  });

  it('changes the address, and refuses one that is taken', async () => {
    const [user, other] = [await aUser(t), await aUser(t)];
    await change(user.id, { email: 'New.Home@Example.net' })
      .expect(200)
      .expect(({ body }) => expect(body).toMatchObject({ email: 'new.home@example.net' }));
    await change(user.id, { email: `${other.username}@example.org` }).expect(409);
    await change(user.id, { username: 'another' }).expect(422);
    await change(NOBODY, { is_admin: true }).expect(404);
    await change(user.id, {}).expect(200);
  });

  it('never leaves the installation without an active administrator, also when two demote each other at once', async () => {
    for (let round = 0; round < 3; round++) {
      const pair = [await anAdmin(t), await anAdmin(t)] as const;
      await t.dataSource.query(`UPDATE users SET is_admin = false WHERE id <> ALL($1)`, [pair.map(({ id }) => id)]);
      const answers = await Promise.all([
        change(pair[1].id, { is_admin: false }, pair[0].accessToken),
        change(pair[0].id, { is_active: false }, pair[1].accessToken),
      ]);
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
      const left = await t.dataSource.query<{ id: string }[]>(`SELECT id FROM users WHERE is_admin AND is_active`);
      expect(left).toHaveLength(1);
      admin = pair.find(({ id }) => id === left[0]?.id)?.accessToken ?? '';
    }
    const [me] = await t.dataSource.query<[{ id: string }]>(`SELECT id FROM users WHERE is_admin AND is_active`);
    expect((await change(me.id, { is_admin: false }).expect(409)).body).toMatchObject({
      detail: expect.stringContaining('last active administrator') as string,
    });
  });

  it('ends sessions and API tokens of a user who is switched off, for good', async () => {
    const user = await aUser(t);
    const { token } = (await t.http.post('/api/auth/tokens').set(bearer(user.accessToken)).send({ name: 'ci' }).expect(201)).body as {
      token: string;
    };
    await change(user.id, { is_active: false }).expect(200);
    for (const credential of [user.accessToken, token]) await t.http.get('/api/auth/me').set(bearer(credential)).expect(403);
    await change(user.id, { is_active: true }).expect(200);
    for (const credential of [user.accessToken, token]) await t.http.get('/api/auth/me').set(bearer(credential)).expect(401);
    await t.http.post('/api/auth/refresh').send({ refresh_token: user.refreshToken }).expect(401);
    await logIn(t, user.username);
  });

  describe('a lock', () => {
    it('that strangers cause keeps strangers out, and nobody who comes from a known address', async () => {
      const user = await aUser(t);
      await tries(user.username, PASSWORD, '203.0.113.7').expect(200);
      for (let n = 0; n < 5; n++) await tries(user.username, 'Wrong-Horse-7', '198.51.100.9').expect(401);
      await tries(user.username, PASSWORD, '198.51.100.9').expect(423);
      await tries(user.username, PASSWORD, '198.51.100.10').expect(423);
      await tries(user.username, PASSWORD, '203.0.113.7').expect(200);
      // A success of somebody known does not give strangers new guesses.
      await tries(user.username, PASSWORD, '198.51.100.9').expect(423);
      // The known address has a lock of its own.
      for (let n = 0; n < 5; n++) await tries(user.username, 'Wrong-Horse-7', '203.0.113.7').expect(401);
      await tries(user.username, PASSWORD, '203.0.113.7').expect(423);
    });

    it('is forgotten after 90 days, and an address is known for one name only', async () => {
      const [user, other] = [await aUser(t), await aUser(t)];
      await tries(other.username, PASSWORD, '203.0.113.20').expect(200);
      await tries(user.username, PASSWORD, '203.0.113.21').expect(200);
      for (let n = 0; n < 5; n++) await tries(user.username, 'Wrong-Horse-7', '198.51.100.9').expect(401);
      await tries(user.username, PASSWORD, '203.0.113.20').expect(423);
      await t.dataSource.query(`UPDATE known_addresses SET seen_at = now() - interval '91 days'`);
      await purgeExpiredCredentials(t.dataSource.manager);
      await tries(user.username, PASSWORD, '203.0.113.21').expect(423);
    });

    it('that strangers cause keeps nobody out who has used a session or a one-time link from there', async () => {
      const at = (address: string) => ({ 'X-Forwarded-For': address });
      const [bySession, byLink] = [await aUser(t), await aUser(t)];
      await t.http.post('/api/auth/refresh').set(at('203.0.113.40')).send({ refresh_token: bySession.refreshToken }).expect(200);
      const { body } = await t.http.post(`/api/users/${byLink.id}/password-link`).set(bearer(admin)).expect(201);
      const confirmed = { token: (body as { token: string }).token, password: 'Better-Horse-8' };
      await t.http.post('/api/auth/password-reset/confirm').set(at('203.0.113.41')).send(confirmed).expect(204);
      for (const { username } of [bySession, byLink]) {
        for (let n = 0; n < 5; n++) await tries(username, 'Wrong-Horse-7', '198.51.100.9').expect(401);
        await tries(username, PASSWORD, '198.51.100.9').expect(423);
      }
      await tries(bySession.username, PASSWORD, '203.0.113.40').expect(200);
      await tries(byLink.username, 'Better-Horse-8', '203.0.113.41').expect(200);
    });

    it('knows no address after a reset but the one it came from, so that a thief who logged in is a stranger again', async () => {
      const user = await aUser(t);
      const [thief, home] = ['198.51.100.66', '203.0.113.50'];
      for (const from of [thief, '203.0.113.51']) await tries(user.username, PASSWORD, from).expect(200);
      for (let n = 0; n < 5; n++) await tries(user.username, 'Wrong-Horse-7', thief).expect(401);
      await tries(user.username, PASSWORD, thief).expect(423);
      const { body } = await t.http.post(`/api/users/${user.id}/password-link`).set(bearer(admin)).expect(201);
      const confirmed = { token: (body as { token: string }).token, password: 'Better-Horse-8' };
      await t.http.post('/api/auth/password-reset/confirm').set({ 'X-Forwarded-For': home }).send(confirmed).expect(204);
      // The thief's guesses count with those of all strangers now.
      for (let n = 0; n < 5; n++) await tries(user.username, 'Wrong-Horse-7', thief).expect(401);
      for (const from of [thief, '203.0.113.51', '198.51.100.9']) await tries(user.username, 'Better-Horse-8', from).expect(423);
      await tries(user.username, 'Better-Horse-8', home).expect(200);
    });

    it('is renewed for an address by a refresh, so that 90 days count from the last one', async () => {
      const user = await aUser(t);
      await t.dataSource.query(`UPDATE known_addresses SET seen_at = now() - interval '89 days'`);
      await t.http.post('/api/auth/refresh').send({ refresh_token: user.refreshToken }).expect(200);
      const days = await t.dataSource.query<{ known: boolean }[]>(
        `SELECT true AS known FROM known_addresses WHERE seen_at > now() - interval '1 hour'`,
      );
      expect(days).toHaveLength(1);
    });

    it('that strangers cause lets a session change its password from anywhere, and that of the session locks no log-in', async () => {
      const user = await aUser(t);
      const change = (current: string) =>
        t.http
          .post('/api/auth/password')
          .set(bearer(user.accessToken))
          .set('X-Forwarded-For', '198.51.100.9')
          .send({ current_password: current, new_password: 'Better-Horse-8' });
      for (let n = 0; n < 5; n++) await tries(user.username, 'Wrong-Horse-7', '198.51.100.9').expect(401);
      await tries(user.username, PASSWORD, '198.51.100.9').expect(423);
      for (let n = 0; n < 5; n++) await change('Wrong-Horse-7').expect(422);
      await change(PASSWORD).expect(423);
      await tries(user.username, PASSWORD, '127.0.0.1').expect(200);
      expect((await get(`/${user.id}`).expect(200)).body.locked_until).not.toBeNull();
      await t.dataSource.query(`DELETE FROM login_failures WHERE name_hash NOT IN (SELECT hash FROM known_addresses)`);
      // Only the session is locked now, which keeps nobody from logging in.
      expect((await get(`/${user.id}`).expect(200)).body.locked_until).toBeNull();
      await change(PASSWORD).expect(423);
      await t.http.post(`/api/users/${user.id}/unlock`).set(bearer(admin)).expect(200);
      for (let n = 0; n < 5; n++) await tries(user.username, 'Wrong-Horse-7', '198.51.100.9').expect(401);
      await change(PASSWORD).expect(204);
      // From where the password was changed its user is known from then on.
      await tries(user.username, 'Better-Horse-8', '198.51.100.9').expect(200);
    });

    it('is shown to administrators and taken away by them, whoever caused it', async () => {
      const user = await aUser(t);
      await tries(user.username, PASSWORD, '203.0.113.30').expect(200);
      for (const from of ['203.0.113.30', '198.51.100.9'])
        for (let n = 0; n < 5; n++) await tries(user.username, 'Wrong-Horse-7', from).expect(401);
      const until = (await get(`/${user.id}`).expect(200)).body.locked_until as string;
      expect(new Date(until).getTime()).toBeGreaterThan(Date.now());
      await t.http.post(`/api/users/${user.id}/unlock`).set(bearer(user.accessToken)).expect(403);
      const { body } = await t.http.post(`/api/users/${user.id}/unlock`).set(bearer(admin)).expect(200);
      expect(body).toMatchObject({ id: user.id, locked_until: null });
      for (const from of ['203.0.113.30', '198.51.100.9']) await tries(user.username, PASSWORD, from).expect(200);
      await t.http.post(`/api/users/${NOBODY}/unlock`).set(bearer(admin)).expect(404);
    });
  });
});
