import { aUser, anAdmin, bearer, logIn, PASSWORD, type LoggedIn } from '../support/auth-users';
import { startTestApp, type TestApp } from '../support/test-app';

const UUID = /^[0-9a-f-]{36}$/;
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

describe('/api/auth', () => {
  let t: TestApp;
  beforeAll(async () => {
    t = await startTestApp();
  });
  afterAll(() => t?.close());

  const register = (over: Record<string, unknown> = {}) =>
    t.http.post('/api/auth/register').send({ username: 'Ada', email: 'Ada@Example.org', password: PASSWORD, ...over });

  describe('POST /register', () => {
    it('makes an account and stores name and address in lower case', async () => {
      const { body } = await register().expect(201);
      expect(body).toEqual({
        id: expect.stringMatching(UUID) as string,
        username: 'ada',
        email: 'ada@example.org',
        is_active: true,
        is_admin: false,
        created_at: expect.stringMatching(ISO) as string,
      });
      const [row] = await t.dataSource.query<[{ password_hash: string }]>(`SELECT password_hash FROM users WHERE username = 'ada'`);
      expect(row.password_hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    });

    it('names the field that is taken, whatever its case', async () => {
      const name = await register({ username: 'ADA', email: 'other@example.org' }).expect(409);
      expect(name.body).toMatchObject({ code: 'already_exists', detail: 'The username is already taken.' });
      const email = await register({ username: 'other', email: 'ADA@example.ORG' }).expect(409);
      expect(email.body).toMatchObject({ code: 'already_exists', detail: 'The email is already registered.' });
    });

    it('lets one of several who ask for the same name at once have it', async () => {
      const answers = await Promise.all([1, 2, 3, 4].map((n) => register({ username: 'race', email: `race${String(n)}@example.org` })));
      expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409]);
    });

    it.each([
      ['a short name', { username: 'ab' }, '/username'],
      ['a long name', { username: 'a'.repeat(51) }, '/username'],
      ['a name with a space', { username: 'a b c' }, '/username'],
      ['a name with a line break', { username: 'abc\n' }, '/username'],
      ['a missing name', { username: undefined }, '/username'],
      ['a name that is null', { username: null }, '/username'],
      ['a name that is a number', { username: 12345 }, '/username'],
      ['no address', { email: 'ada' }, '/email'],
      ['an address that is a list', { email: ['a@example.org'] }, '/email'],
      ['an address with NUL', { email: 'a\0@example.org' }, '/email'],
      ['a long address', { email: `${'a'.repeat(64)}@${'b'.repeat(250)}.org` }, '/email'],
      ['a short password', { password: 'Ab1defg' }, '/password'],
      ['a password without a digit', { password: 'Abcdefgh' }, '/password'],
      ['a password without upper case', { password: 'abcdefg1' }, '/password'],
      ['a password without lower case', { password: 'ABCDEFG1' }, '/password'],
      ['a password that is too long', { password: `Aa1${'x'.repeat(98)}` }, '/password'],
      ['a password with NUL', { password: 'Abcdefg1\0' }, '/password'],
      ['an unknown field', { is_admin: true }, '/is_admin'],
    ])('refuses %s and names the field', async (_name, over, pointer) => {
      const { body } = await register({ username: 'fresh', email: 'fresh@example.org', ...over }).expect(422);
      expect(body).toMatchObject({ code: 'validation_failed', errors: [{ pointer }] });
    });

    it('is closed when the operator says so', async () => {
      const closed = await startTestApp({ env: { REGISTRATION_ENABLED: 'false' } });
      try {
        const { body } = await closed.http
          .post('/api/auth/register')
          .send({ username: 'eve', email: 'e@example.org', password: PASSWORD })
          .expect(403);
        expect(body).toMatchObject({ code: 'registration_closed' });
        const wish = { username: 'Eve', email: 'e@example.org', password: PASSWORD };
        await closed.as('ada').post('/api/users').send(wish).expect(403);
        const added = await closed.as('root', { admin: true }).post('/api/users').send(wish).expect(201);
        expect(added.body).toMatchObject({ username: 'eve', is_active: true, is_admin: false });
        await closed.as('root').post('/api/users').send(wish).expect(409);
        await logIn(closed, 'eve');
        const [by] = await closed.dataSource.query<{ actor_id: string }[]>(
          `SELECT actor_id FROM audit_log WHERE action = 'user.add' AND outcome = 'done'`,
        );
        expect(by?.actor_id).toBe(await closed.userId('root'));
      } finally {
        await closed.close();
      }
    });
  });

  describe('POST /login', () => {
    it('gives a token pair that opens the closed routes', async () => {
      const { body } = await t.http.post('/api/auth/login').send({ username: 'ADA', password: PASSWORD }).expect(200);
      expect(body).toEqual({
        access_token: expect.any(String) as string,
        refresh_token: expect.stringMatching(/^fogr_/) as string,
        token_type: 'bearer',
        expires_in: 900,
      });
      const me = await t.http
        .get('/api/auth/me')
        .set(bearer((body as { access_token: string }).access_token))
        .expect(200);
      expect(me.body).toMatchObject({ username: 'ada', email: 'ada@example.org', is_admin: false });
    });

    it('answers a wrong password and an unknown name alike', async () => {
      const wrong = await t.http.post('/api/auth/login').send({ username: 'ada', password: 'Wrong-Horse-7' }).expect(401);
      const unknown = await t.http.post('/api/auth/login').send({ username: 'nobody', password: 'Wrong-Horse-7' }).expect(401);
      expect(wrong.body).toMatchObject({ code: 'bad_credentials', detail: 'Incorrect username or password' });
      expect({ ...wrong.body, request_id: '' }).toEqual({ ...unknown.body, request_id: '' });
      expect(Object.keys(wrong.headers).sort()).toEqual(Object.keys(unknown.headers).sort());
      expect(wrong.headers['www-authenticate']).toBe('Bearer');
    });

    it('takes an inactive user for inactive only with the right password', async () => {
      const user = await aUser(t);
      await t.dataSource.query(`UPDATE users SET is_active = false WHERE id = $1`, [user.id]);
      await t.http.post('/api/auth/login').send({ username: user.username, password: 'Wrong-Horse-7' }).expect(401);
      const { body } = await t.http.post('/api/auth/login').send({ username: user.username, password: PASSWORD }).expect(403);
      expect(body).toMatchObject({ code: 'inactive_user', detail: 'Inactive user' });
    });
  });

  describe('POST /refresh', () => {
    const refresh = (token: string) => t.http.post('/api/auth/refresh').send({ refresh_token: token });

    it('gives a new pair of the same session', async () => {
      const user = await aUser(t);
      const { body } = await refresh(user.refreshToken).expect(200);
      const { access_token: access, refresh_token: next } = body as { access_token: string; refresh_token: string };
      expect(next).not.toBe(user.refreshToken);
      await t.http.get('/api/auth/me').set(bearer(access)).expect(200);
      await refresh(next).expect(200);
    });

    it('revokes the whole family when a used token comes again', async () => {
      const user = await aUser(t);
      const { body } = await refresh(user.refreshToken).expect(200);
      const { access_token: access, refresh_token: next } = body as { access_token: string; refresh_token: string };
      await t.http.get('/api/auth/me').set(bearer(access)).expect(200);
      const reuse = await refresh(user.refreshToken).expect(401);
      expect(reuse.body).toMatchObject({ code: 'unauthenticated' });
      await refresh(next).expect(401);
      await t.http.get('/api/auth/me').set(bearer(access)).expect(401);
      await t.http.get('/api/auth/me').set(bearer(user.accessToken)).expect(401);
      await logIn(t, user.username);
    });

    it('lets exactly one of several at once win and takes the rest for reuse', async () => {
      const user = await aUser(t);
      const answers = await Promise.all([1, 2, 3, 4].map(() => refresh(user.refreshToken)));
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 401, 401, 401]);
      const winner = answers.find(({ status }) => status === 200)?.body as { refresh_token: string };
      await refresh(winner.refresh_token).expect(401);
    });

    it('refuses an unknown token, an expired session and an inactive user', async () => {
      await refresh('fogr_unknown').expect(401);
      const late = await aUser(t);
      await t.dataSource.query(`UPDATE sessions SET expires_at = now() WHERE user_id = $1`, [late.id]);
      await refresh(late.refreshToken).expect(401);
      const off = await aUser(t);
      await t.dataSource.query(`UPDATE users SET is_active = false WHERE id = $1`, [off.id]);
      const { body } = await refresh(off.refreshToken).expect(403);
      expect(body).toMatchObject({ code: 'inactive_user' });
    });

    it('stores tokens hashed only', async () => {
      const user = await aUser(t);
      const rows = await t.dataSource.query<{ token_hash: string }[]>(`SELECT token_hash FROM refresh_tokens`);
      expect(rows.every(({ token_hash: hash }) => /^[0-9a-f]{64}$/.test(hash))).toBe(true);
      expect(JSON.stringify(rows)).not.toContain(user.refreshToken);
    });
  });

  it('repeats a registration under its Idempotency-Key without a second effect', async () => {
    const once = () =>
      register({ username: 'twice', email: 'twice@example.org' }).set('Idempotency-Key', 'e7c1a6e0-registration').expect(201);
    expect((await once()).body).toEqual((await once()).body);
  });

  describe('POST /logout', () => {
    it('ends the session at once and leaves others alone', async () => {
      const user = await aUser(t);
      const other = await logIn(t, user.username);
      await t.http.get('/api/auth/me').set(bearer(user.accessToken)).expect(200);
      await t.http.post('/api/auth/logout').set(bearer(user.accessToken)).expect(204);
      await t.http.get('/api/auth/me').set(bearer(user.accessToken)).expect(401);
      await t.http.post('/api/auth/refresh').send({ refresh_token: user.refreshToken }).expect(401);
      await t.http.get('/api/auth/me').set(bearer(other.accessToken)).expect(200);
    });

    it('is for sessions only', async () => {
      const user = await aUser(t);
      const { body } = await t.http.post('/api/auth/tokens').set(bearer(user.accessToken)).send({ name: 'ci' }).expect(201);
      const answer = await t.http
        .post('/api/auth/logout')
        .set(bearer((body as { token: string }).token))
        .expect(409);
      expect(answer.body).toMatchObject({ code: 'conflict' });
    });
  });

  describe('PATCH /me', () => {
    /** Once no route changed a user's own address, and the first administrator kept one that gets no mail. */
    it('changes the own address, stores it in lower case and audits that, not what', async () => {
      const user = await aUser(t);
      const change = (body: object) => t.http.patch('/api/auth/me').set(bearer(user.accessToken)).send(body);
      const { body, headers } = await change({ email: 'New.Home@Example.org' }).expect(200);
      expect(body).toMatchObject({ id: user.id, username: user.username, email: 'new.home@example.org' });
      expect((await t.http.get('/api/auth/me').set(bearer(user.accessToken)).expect(200)).body).toEqual(body);
      expect((await change({}).expect(200)).body).toEqual(body);
      const audited = await t.dataSource.query<unknown[]>(
        `SELECT action, actor_id, resource_id, after FROM audit_log WHERE request_id = $1`,
        [headers['x-request-id']],
      );
      expect(audited).toEqual([{ action: 'user.change', actor_id: user.id, resource_id: user.id, after: { changed: ['email'] } }]);
    });

    it('refuses an address that is taken or none, as registration does', async () => {
      const [user, other] = [await aUser(t), await aUser(t)];
      const change = (body: object) => t.http.patch('/api/auth/me').set(bearer(user.accessToken)).send(body);
      const taken = await change({ email: `${other.username.toUpperCase()}@example.org` }).expect(409);
      expect(taken.body).toMatchObject({ code: 'already_exists', detail: 'The email is already registered.' });
      for (const email of ['ada', null, 'a\0@example.org'])
        expect((await change({ email }).expect(422)).body).toMatchObject({ code: 'validation_failed', errors: [{ pointer: '/email' }] });
      await change({ username: 'other' }).expect(422);
    });
  });

  describe('PATCH /users/{id}', () => {
    /** Once two administrators who switched each other off at the same moment both got 200, and no one was left to undo it. */
    it('leaves one of two administrators who switch each other off at once', async () => {
      for (let round = 0; round < 3; round++) {
        const pair = [await anAdmin(t), await anAdmin(t)] as const;
        await t.dataSource.query(`UPDATE users SET is_admin = false WHERE id <> ALL($1)`, [pair.map(({ id }) => id)]);
        const switchOff = (by: LoggedIn, whom: LoggedIn) =>
          t.http.patch(`/api/auth/users/${whom.id}`).set(bearer(by.accessToken)).send({ is_active: false });
        const answers = await Promise.all([switchOff(pair[0], pair[1]), switchOff(pair[1], pair[0])]);
        expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
        expect(answers.find(({ status }) => status === 409)?.body).toMatchObject({
          code: 'conflict',
          detail: expect.stringContaining('last active administrator') as string,
        });
        const left = await t.dataSource.query<unknown[]>(`SELECT 1 FROM users WHERE is_admin AND is_active`);
        expect(left).toHaveLength(1);
      }
    });

    it('switches a user off at once, and on again without the old sessions and API tokens', async () => {
      const admin = await anAdmin(t);
      const user = await aUser(t);
      const { body } = await t.http.post('/api/auth/tokens').set(bearer(user.accessToken)).send({ name: 'ci' }).expect(201);
      const { token } = body as { token: string };
      await t.http.get('/api/auth/me').set(bearer(token)).expect(200);
      const change = (isActive: boolean) =>
        t.http.patch(`/api/auth/users/${user.id}`).set(bearer(admin.accessToken)).send({ is_active: isActive });

      await change(false)
        .expect(200)
        .expect(({ body: changed }) => expect(changed).toMatchObject({ id: user.id, is_active: false }));
      const off = await t.http.get('/api/auth/me').set(bearer(user.accessToken)).expect(403);
      expect(off.body).toMatchObject({ code: 'inactive_user', detail: 'Inactive user' });
      await t.http.get('/api/auth/me').set(bearer(token)).expect(403);

      await change(true).expect(200);
      await t.http.get('/api/auth/me').set(bearer(user.accessToken)).expect(401);
      await t.http.get('/api/auth/me').set(bearer(token)).expect(401);
      await logIn(t, user.username);
    });

    it('is for administrators, and not for switching oneself off', async () => {
      const admin = await anAdmin(t);
      const user = await aUser(t);
      const asUser = await t.http.patch(`/api/auth/users/${admin.id}`).set(bearer(user.accessToken)).send({ is_active: false }).expect(403);
      expect(asUser.body).toMatchObject({ code: 'admin_required' });
      await t.http.patch(`/api/auth/users/${admin.id}`).set(bearer(admin.accessToken)).send({ is_active: false }).expect(409);
      await t.http.patch(`/api/auth/users/${user.id}`).set(bearer(admin.accessToken)).send({ is_active: 'no' }).expect(422);
      await t.http.patch(`/api/auth/users/nobody`).set(bearer(admin.accessToken)).send({ is_active: false }).expect(400);
      await t.http
        .patch(`/api/auth/users/00000000-0000-4000-8000-000000000000`)
        .set(bearer(admin.accessToken))
        .send({ is_active: false })
        .expect(404);
    });
  });
});
